"""Personal data as those see them who need not know them. Pure."""


def name(text: str) -> str:
    """Keep the first letter of each word: `А… П… Л…`."""
    return " ".join(f"{word[0]}…" for word in text.split())


def number(text: str) -> str:
    """Keep the last two characters: `…56`."""
    return f"…{text[-2:]}" if text else ""


def birth_date(text: str) -> str:
    """Keep the year."""
    return text[:4] and f"{text[:4]}-…"


def email(text: str) -> str:
    """Keep the first letter and the host."""
    user, at, host = text.partition("@")
    return f"{user[:1]}…{at}{host}" if text else ""


def line(text: str) -> str:
    """Keep nothing but that there is something."""
    return "…" if text else ""

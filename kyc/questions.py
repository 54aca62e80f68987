"""The pool of the investor test. Of each question the first choice is the right one.

Knowledge of investing in crypto, and of its risks (RU22-INV-04). Data only; `suitability` draws.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """A question; `choices[0]` is right."""

    code: str
    difficulty: str
    text: str
    choices: tuple[str, str, str, str]


def _easy(code: str, text: str, *choices: str) -> Question:
    right, one, two, three = choices
    return Question(f"E-{code}", "easy", text, (right, one, two, three))


def _medium(code: str, text: str, *choices: str) -> Question:
    right, one, two, three = choices
    return Question(f"M-{code}", "medium", text, (right, one, two, three))


def _hard(code: str, text: str, *choices: str) -> Question:
    right, one, two, three = choices
    return Question(f"H-{code}", "hard", text, (right, one, two, three))


POOL: tuple[Question, ...] = (
    _easy(
        "LOSS",
        "You buy a coin for 40,000 roubles. How much of that can you lose?",
        "All of it",
        "At most a half, then trading stops",
        "Nothing, if you wait long enough",
        "At most what deposit insurance does not cover",
    ),
    _easy(
        "INSURANCE",
        "Are coins that a bank keeps for you covered by the insurance of deposits?",
        "No",
        "Yes, up to the same sum as a rouble deposit",
        "Yes, but only bitcoin",
        "Only in the first year",
    ),
    _easy(
        "PAYMENT",
        "May you pay for goods in a Russian shop with coins?",
        "No, they are not a means of payment",
        "Yes, if the shop agrees",
        "Yes, up to 50,000 roubles a year",
        "Only with coins bought through a bank",
    ),
    _easy(
        "PAST",
        "A coin has doubled in each of the last two years. What follows for the next year?",
        "Nothing certain",
        "It will double again",
        "It will fall by a half",
        "Its price cannot fall below last year's",
    ),
    _easy(
        "PROMISE",
        "Somebody promises you 10 per cent a month on coins, without risk. What is this most"
        " likely?",
        "A fraud",
        "A deposit in a foreign currency",
        "The usual yield of staking",
        "A service that only qualified investors are offered",
    ),
    _easy(
        "PRICE",
        "Who sets the price of bitcoin?",
        "Buyers and sellers on many markets",
        "The Bank of Russia, once a day",
        "The firm that issues it",
        "The programmers who keep its code",
    ),
    _easy(
        "SECRET",
        "A caller who says he is from your bank asks for the secret phrase of your own wallet."
        " What do you do?",
        "Tell nobody, and call the bank yourself",
        "Tell it, if he knows your name",
        "Tell half of the words only",
        "Send it by mail instead",
    ),
    _easy(
        "TAX",
        "You sold coins for more than you paid for them. What about income tax?",
        "It is due on the gain",
        "Coins are free of tax",
        "It is due on the whole price, whatever you paid",
        "It is due only if you withdraw cash notes",
    ),
    _medium(
        "SPREAD",
        "The bank buys a coin at 990 roubles and sells it at 1,010. You buy one and sell it at"
        " once. What have you lost, before fees?",
        "20 roubles",
        "10 roubles",
        "Nothing",
        "1,010 roubles",
    ),
    _medium(
        "RECOVERY",
        "A coin falls by 50 per cent. By how much must it rise to be where it was?",
        "By 100 per cent",
        "By 50 per cent",
        "By 75 per cent",
        "By 150 per cent",
    ),
    _medium(
        "LIMIT",
        "You place an order to buy with a limit of 3,000,000 roubles a coin. At what price can it"
        " be filled?",
        "At 3,000,000 or less",
        "At exactly 3,000,000 only",
        "At 3,000,000 or more",
        "At any price of the day",
    ),
    _medium(
        "IRREVERSIBLE",
        "You send coins to a wrong address. Who can bring them back?",
        "Only whoever holds the key of that address",
        "The bank, within three days",
        "The miners, for a fee",
        "The court, by a change of the chain",
    ),
    _medium(
        "SHARE",
        "All your savings are in one coin. What would lower the risk most?",
        "Spreading them over different kinds of assets",
        "Buying more of the same coin when it falls",
        "Buying a second coin that always moves like the first",
        "Moving the coin to another bank",
    ),
    _medium(
        "LIQUIDITY",
        "Why may a large order for a little-traded coin be filled at a worse price than the last"
        " one shown?",
        "Too few want to trade the other way at that price",
        "Large orders are taxed higher",
        "The chain sorts orders by size",
        "The last price is always that of the day before",
    ),
    _medium(
        "STABLE",
        "What is a stablecoin that is meant to be worth one dollar?",
        "A coin that can lose that worth if what backs it fails",
        "A deposit with the central bank of the United States",
        "A coin that can never be worth less than a dollar",
        "Another name for bitcoin",
    ),
    _medium(
        "VOLATILE",
        "A price often moves by 5 per cent a day. What does that say of a whole year?",
        "Losses of more than a half are possible",
        "The year's move is 5 per cent too",
        "The moves cancel out, so there is no risk",
        "The year ends at least 5 per cent higher",
    ),
    _hard(
        "LEVERAGE",
        "You hold coins for 100,000 roubles, of which you have borrowed 80,000. The coins fall by"
        " 20 per cent. How much of your own 20,000 is left?",
        "Nothing",
        "16,000 roubles",
        "4,000 roubles",
        "20,000 roubles",
    ),
    _hard(
        "AVERAGE",
        "A coin gains 60 per cent in one year and loses 50 per cent in the next. What is left of"
        " 100,000 roubles?",
        "80,000 roubles",
        "110,000 roubles",
        "105,000 roubles",
        "100,000 roubles",
    ),
    _hard(
        "FIFO",
        "You bought a coin at 100 and then one at 300, and sell one at 200. What is the gain if"
        " the first bought is the first sold?",
        "100",
        "Nothing",
        "A loss of 100",
        "200",
    ),
    _hard(
        "FORK",
        "A coin's network splits in two and each part goes on by its own rules. What may follow"
        " for you?",
        "You may hold two coins, each of an uncertain worth",
        "Your roubles are paid back by the network",
        "You hold the newer coin only, at double the worth",
        "Nothing can change: rules of a network are fixed for ever",
    ),
    _hard(
        "MAJORITY",
        "Somebody gains most of the computing power of a coin that is secured by mining. What can"
        " they do?",
        "Undo their own recent payments and spend the coins again",
        "Spend the coins of any address without its key",
        "Raise the number of coins that others hold",
        "Read the secret keys of all wallets",
    ),
    _hard(
        "BACKING",
        "The keeper of a stablecoin holds long bonds as its backing. Interest rates rise sharply,"
        " and many holders want dollars at once. What is the danger?",
        "The bonds are sold below what is owed, and the coin loses its worth",
        "The bonds gain, and holders owe the keeper the difference",
        "None: bonds are always paid back at their price of the day",
        "The coin becomes worth more than a dollar for good",
    ),
    _hard(
        "CORRELATION",
        "In calm years a coin moved independently of shares. What does it say of a crisis, when"
        " many sell all they can?",
        "They may fall together all the same",
        "The coin must rise when shares fall",
        "They stay independent, as the past has shown",
        "The coin's price is held by its code",
    ),
    _hard(
        "EXPECTED",
        "A coin is worth 300 with a chance of one in ten in a year, and nothing otherwise. Its"
        " price is 50. What is it worth on average?",
        "30, less than its price",
        "300, for it may come so",
        "50, for the market says so",
        "150, the middle of both ends",
    ),
)

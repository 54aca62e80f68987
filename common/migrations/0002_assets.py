"""The assets the house knows. Whether one may be sold is for the licensing register to say."""

from django.db import migrations

ASSETS = (
    ("RUB", "Russian rouble", 2, True),
    ("BTC", "Bitcoin", 8, False),
    ("ETH", "Ether", 18, False),
    ("LTC", "Litecoin", 8, False),
    ("TON", "Toncoin", 9, False),
    ("USDT", "Tether USD", 6, False),
    ("XMR", "Monero", 12, False),
    ("XRP", "XRP", 6, False),
)


def add_assets(apps, schema_editor):
    asset = apps.get_model("common", "Asset")
    asset.objects.using(schema_editor.connection.alias).bulk_create(
        asset(code=code, name=name, scale=scale, is_currency=is_currency)
        for code, name, scale, is_currency in ASSETS
    )


class Migration(migrations.Migration):
    dependencies = [("common", "0001_initial")]

    operations = [migrations.RunPython(add_assets, migrations.RunPython.noop)]

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_constraints_say_number")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE ledger_posting DROP CONSTRAINT ledger_posting_pkey",
            "ALTER TABLE ledger_posting ADD CONSTRAINT ledger_posting_pkey PRIMARY KEY (id)",
        )
    ]

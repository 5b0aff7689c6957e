"""Seals the secrets of authenticator apps and the seeds of recovery codes that rest in the clear."""

from django.db import migrations

from exchange_os.identity.adapters import SEALED, MFAAdapter

FIELDS = {"totp": "secret", "recovery_codes": "seed"}
CODES = "migrated_codes"


def change(apps, each):
    adapter = MFAAdapter()
    for row in apps.get_model("mfa", "Authenticator").objects.filter(type__in=FIELDS).iterator():
        name = FIELDS[row.type]
        data = dict(row.data)
        if name in data:
            data[name] = each(adapter, data[name])
        if CODES in data:
            data[CODES] = [each(adapter, code) for code in data[CODES]]
        if data != row.data:
            row.data = data
            row.save(update_fields=["data"])


def seal(apps, schema_editor):
    change(apps, lambda adapter, text: text if text.startswith(SEALED) else adapter.encrypt(text))


def unseal(apps, schema_editor):
    change(apps, lambda adapter, text: adapter.decrypt(text))


class Migration(migrations.Migration):
    dependencies = [("identity", "0001_wallets"), ("mfa", "0003_authenticator_type_uniq")]
    operations = [migrations.RunPython(seal, unseal)]

"""Two members of staff with second factors, signed in: prints their session keys. Runs inside a private stack."""

import json
import time

import django

django.setup()

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY  # noqa: E402
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402

from tests.governance.factors import enrol  # noqa: E402

keys = []
for name in ("watcher", "confirmer"):
    user = get_user_model().objects.create_user(name, f"{name}@test.example", is_staff=True)
    enrol(user)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session["account_authentication_methods_user"] = str(user.pk)
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "at": time.time(), "type": "totp"}]
    session.save()
    keys.append(session.session_key)
print(json.dumps(keys))

"""Settings, one file for every shape: embedded (SQLite, no Redis) and production (PostgreSQL, Redis)."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import django_stubs_ext
import environ
from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

from servicedesk import environment as env
from servicedesk.rest import configuration as rest

# Lets `ModelForm[Ticket]` and its like be written as what they are to the type checker.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / "var"))).resolve()

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.secret_key(DATA_DIR)
MASTER_KEY_FILE = Path(env.text("MASTER_KEY_FILE", str(DATA_DIR / "master_key_ring.json")))
REDIS_URL = env.redis()
EMBEDDED = not REDIS_URL
HOST = env.text("HOST", "127.0.0.1")
PORT = env.number("PORT", 8000, low=1)
SITE_URL = env.text("SITE_URL", f"http://{'127.0.0.1' if HOST in {'', '0.0.0.0', '::'} else HOST}:{PORT}").rstrip("/")
if urlsplit(SITE_URL).scheme not in {"http", "https"} or not urlsplit(SITE_URL).hostname:
    env.bad("SITE_URL", "must start with http:// or https:// and name a host")
IS_HTTPS = SITE_URL.startswith("https://")
LISTENS_ON_LOOPBACK = HOST in {"127.0.0.1", "localhost", "::1"}
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS") or ["127.0.0.1", "localhost", "[::1]", str(urlsplit(SITE_URL).hostname)]

# What is installed ------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "servicedesk",
    "clocks",
    "customers.keystore",
    "customers",
    "orders",
    "tickets",
    "returns",
    "complaints",
    "qa",
    "training",
    "incentives",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "servicedesk.logs.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Elsewhere the proxy compresses.
    *(["servicedesk.pages.compression.CompressionMiddleware"] if EMBEDDED else []),
    "csp.middleware.CSPMiddleware",
    "customers.middleware.KeyScope",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "servicedesk.pages.middleware.LanguageMiddleware",
    "servicedesk.addresses.AddressLengthMiddleware",
    "django.middleware.common.CommonMiddleware",
    "servicedesk.pages.doors.BoundedForms",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "servicedesk.pages.middleware.PersonMiddleware",
    "servicedesk.accounts.middleware.RequireSecondFactor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "servicedesk.accounts.middleware.NoteActivity",
    "django_htmx.middleware.HtmxMiddleware",
    "servicedesk.pages.middleware.RefusalMiddleware",
]

ROOT_URLCONF = "servicedesk.urls"
WSGI_APPLICATION = "servicedesk.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "servicedesk.pages.context.page",
            ],
        },
    },
]

# Widgets come from templates/django/forms/ where a file of theirs is there, else from Django itself.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# Data -------------------------------------------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.database("DATABASE_URL", DATA_DIR / "desk.sqlite3"),
    "keystore": env.database("KEYSTORE_URL", DATA_DIR / "keystore.sqlite3"),
}
if all(DATABASES["default"].get(part) == DATABASES["keystore"].get(part) for part in ("NAME", "HOST", "PORT")):
    # After an erasure no backup of the data may hold the key.
    env.bad("KEYSTORE_URL", "names the same database as DATABASE_URL")
DATABASE_ROUTERS = ["customers.keystore.router.KeystoreRouter"]

CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10_000}}
    if EMBEDDED
    else {
        "BACKEND": "servicedesk.cache.SteadyCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "desk",
        "OPTIONS": {
            "serializer": "servicedesk.cache.JsonSerializer",
            "socket_timeout": 1,
            "socket_connect_timeout": 1,
        },
    }
}
# Rows and nothing before them: a session that was ended while the cache was away must not come back with it.
SESSION_ENGINE = "django.contrib.sessions.backends.db"

MEDIA_ROOT = DATA_DIR / "media"
MEDIA_URL = env.text("MEDIA_URL_BASE", "/media/")
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(BASE_DIR / "build" / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "servicedesk.assets.WantedFilesFinder",
]
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servicedesk.storage.ManifestStorage"},
}
if storage_url := env.text("STORAGE_URL"):
    bucket = urlsplit(storage_url)
    if bucket.scheme != "s3" or not bucket.hostname or not bucket.path.strip("/"):
        env.bad("STORAGE_URL", "must look like s3://key:secret@host/bucket")
    STORAGES["default"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "endpoint_url": f"https://{bucket.hostname}{f':{bucket.port}' if bucket.port else ''}",
            "bucket_name": bucket.path.strip("/"),
            "access_key": bucket.username,
            "secret_key": bucket.password,
            "file_overwrite": False,
        },
    }
FILE_UPLOAD_HANDLERS = ["customers.files.EncryptedUploadHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
ATTACHMENT_MAX_BYTES = 25 * 1_048_576
MAIL_MAX_BYTES = 35 * 1_048_576
JSON_MAX_BYTES = 1_048_576
FORM_MAX_BYTES = 36 * 1_048_576
# Below what gunicorn (8190) and h11 take, so that the answer is the desk's own.
ADDRESS_MAX_BYTES = 4096

# People -----------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "servicedesk.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
# Whoever types a stranger's address at “forgotten password” must not have the desk write to them.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_ADAPTER = "servicedesk.accounts.adapter.AccountAdapter"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "10/m/ip,5/5m/key", "reset_password": "5/m/ip,3/h/key"}
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXY_COUNT", 0, high=10)
MFA_ADAPTER = "servicedesk.accounts.adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Service desk"
USERSESSIONS_TRACK_ACTIVITY = True
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "servicedesk.rest.problems.csrf_failure"
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# Languages and time -----------------------------------------------------------------------------------------------

LANGUAGE_CODE = env.one_of("LANGUAGE_CODE", ("en", "zh-hans", "zh-hant"), "en")
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese")), ("zh-hant", _("Traditional Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "Asia/Shanghai")
try:
    ZoneInfo(TIME_ZONE)
except (ZoneInfoNotFoundError, ValueError):
    env.bad("TIME_ZONE", "is no time zone of the IANA list, such as Asia/Shanghai")

# Guarding the browser ---------------------------------------------------------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# Mail -------------------------------------------------------------------------------------------------------------

EMAIL_URL = env.text("EMAIL_URL")
if EMAIL_URL:
    if urlsplit(EMAIL_URL).scheme not in {"smtp", "smtps", "smtp+tls", "smtp+ssl"} and not DEBUG:
        # Others would write customers' mail in the clear to a file or a terminal.
        env.bad("EMAIL_URL", "must start with smtp://, smtp+tls:// or smtp+ssl://")
    try:
        mail_config = environ.Env.email_url_config(EMAIL_URL)
    except Exception:  # noqa: BLE001  the parser raises what it likes; the answer is the same
        env.bad("EMAIL_URL", "is no mail address such as smtp+tls://user:password@host:587")
    if not mail_config.get("EMAIL_HOST") and not DEBUG:
        env.bad("EMAIL_URL", "names no host")
    vars().update(mail_config)
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.address(
    "DEFAULT_FROM_EMAIL", f"support@{urlsplit(SITE_URL).hostname if IS_HTTPS else 'desk.localhost'}"
)
IMAP_URL = env.text("IMAP_URL")

# REST -------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = rest.REST_FRAMEWORK
SPECTACULAR_SETTINGS = rest.SPECTACULAR_SETTINGS
API_RATE_PER_MINUTE = 1200
IDEMPOTENCY_LEASE = timedelta(seconds=60)
IDEMPOTENCY_KEPT = timedelta(hours=24)
REVEALS_PER_HOUR = env.number("REVEALS_PER_HOUR", 60)
WEBHOOK_ALLOW_NETWORKS = env.networks("WEBHOOK_ALLOW_NETWORKS") or (
    ["127.0.0.0/8", "::1/128"] if LISTENS_ON_LOOPBACK else []
)
METRICS_TOKEN = env.text("METRICS_TOKEN")
# Read by the library from the environment itself.
env.folder("PROMETHEUS_MULTIPROC_DIR")

# Logs -------------------------------------------------------------------------------------------------------------

LOG_FORMAT = env.one_of("LOG_FORMAT", ("console", "json"), "console")
LOG_LEVEL = env.one_of("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
LOGGING_CONFIG = "servicedesk.logs.configure"
LOGGING = {"format": LOG_FORMAT, "level": LOG_LEVEL}
SENTRY_DSN = env.text("SENTRY_DSN")
if SENTRY_DSN:
    report_to = urlsplit(SENTRY_DSN)
    if report_to.scheme not in {"http", "https"} or not (report_to.username and report_to.path.strip("/")):
        env.bad("SENTRY_DSN", "must look like https://key@host/project")

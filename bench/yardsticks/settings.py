"""The least that a Django process with DRF needs to serve the bare endpoints: nothing of the desk is loaded."""

import os

import environ

SECRET_KEY = "nothing here is signed, and the process answers loopback only"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["rest_framework", "bench.yardsticks"]
# Gives answers their length; without it they would be sent in chunks.
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "bench.yardsticks.urls"
DATABASES = {
    "default": environ.Env.db_url_config(os.environ["DATABASE_URL"])
    | {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
}
USE_TZ = True
REST_FRAMEWORK = {
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

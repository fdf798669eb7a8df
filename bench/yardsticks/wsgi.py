"""The bare endpoints' WSGI application; DJANGO_SETTINGS_MODULE is given by who starts it."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

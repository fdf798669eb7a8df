"""What the settings take over for Django REST framework and drf-spectacular. Plain values: settings import this."""

from typing import Any, Final

REST_FRAMEWORK: Final[dict[str, Any]] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "servicedesk.rest.authentication.KeyAuthentication",
        "servicedesk.rest.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["servicedesk.rest.throttling.ActorThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["servicedesk.rest.parsers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["servicedesk.rest.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "servicedesk.rest.schema.DeskSchema",
    "EXCEPTION_HANDLER": "servicedesk.rest.problems.answer_exception",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS: Final[dict[str, Any]] = {
    "TITLE": "Customer service desk",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": r"/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_NO_READ_ONLY_REQUIRED": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "SORT_OPERATIONS": True,
    "PREPROCESSING_HOOKS": ["servicedesk.rest.schema.only_this_version"],
    # Choices stand where they are used: a component for each would be named by chance ("State514Enum").
    "POSTPROCESSING_HOOKS": ["servicedesk.rest.schema.finish"],
    # The documentation's assets come with the desk: no third-party host.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

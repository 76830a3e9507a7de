"""The WSGI entry of Tally."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telemetry_project.settings")
_django = get_wsgi_application()

from telemetry_project.warming import warm_web  # noqa: E402
from telemetry_project.web.front import Front  # noqa: E402  (they need what Django has set up)

application = Front(_django)

warm_web()
# Everything loaded by now stays, and collecting garbage among it would delay a request by 80 ms.
gc.collect()
gc.freeze()

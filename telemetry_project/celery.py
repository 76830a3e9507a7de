"""The Celery application of Tally: settings with the prefix CELERY_, tasks found in the apps."""

import logging.config
import os
import signal
import warnings

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_init, worker_process_init

# The warning is about root running tasks that are Python pickles. Ours are JSON.
warnings.filterwarnings("ignore", category=SecurityWarning)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telemetry_project.settings")
app = Celery("tally")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Registers what exports contain. Tasks of `events` make them, and may not import reports.
app.conf.imports = ("reports.api.exported",)


@setup_logging.connect
def log_as_the_web_does(loglevel: int | None = None, **_: object) -> None:
    """Use the project's logging instead of Celery's own, whose lines can be forged."""
    from django.conf import settings  # not before the environment names them

    logging.config.dictConfig(settings.LOGGING)
    if loglevel:
        logging.getLogger().setLevel(loglevel)


@worker_init.connect
def warm_up(**_: object) -> None:
    """Load once, before the worker forks, what each of its processes would load."""
    from telemetry_project.warming import warm_worker  # Django is set up by now

    warm_worker()


@worker_process_init.connect
def leave_stopping_to_the_worker(**_: object) -> None:
    """Ignore stop signals in child processes, which the worker stops.

    Process runners signal the whole group, and a child that ended at once would lose its task half-way.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@worker_process_init.connect
def collect_garbage_less_often(**_: object) -> None:
    """Set the garbage collector of a worker process up for blocks of events."""
    from telemetry_project.warming import collect_garbage_less_often

    collect_garbage_less_often()

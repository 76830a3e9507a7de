"""Pages of the second factor, under the admin, whose look and policy they share."""

from django.urls import path

from events.accounts import views

urlpatterns = [
    path("second-factor/", views.manage, name="second-factor"),
    path("second-factor/check/", views.check, name="second-factor-check"),
]

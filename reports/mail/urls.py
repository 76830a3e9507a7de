"""Where links in mails lead."""

from django.urls import path

from reports.mail import views

urlpatterns = [
    path("confirm/<str:token>", views.confirm, name="mail-confirm"),
    path("end/<str:token>", views.end, name="mail-end"),
]

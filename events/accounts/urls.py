"""Pages of accounts, under the admin, which they share look and policy with."""

from django.urls import path

from events.accounts import views

urlpatterns = [
    path("second-factor/", views.manage, name="second-factor"),
    path("second-factor/check/", views.check, name="second-factor-check"),
    path("invitation/<str:token>/", views.accept_invitation, name="invitation"),
    # Django's names, because its login page links to the first.
    path("password_reset/", views.RequestReset.as_view(), name="admin_password_reset"),
    path("password_reset/done/", views.ResetRequested.as_view(), name="password_reset_done"),
    path("reset/<uidb64>/<token>/", views.SetNewPassword.as_view(), name="password_reset_confirm"),
    path("reset/done/", views.PasswordIsSet.as_view(), name="password_reset_complete"),
]

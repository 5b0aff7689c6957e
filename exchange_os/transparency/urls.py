"""Addresses of the transparency pages."""

from django.urls import path

from exchange_os.transparency import views

app_name = "transparency"
urlpatterns = [
    path("", views.page, name="page"),
    path("nights/<str:day>.json", views.night, name="night"),
    path("proof/", views.proof, name="proof"),
    path("proof/<str:day>/<str:asset>.json", views.proof_file, name="proof_file"),
    path("groups/<int:group>/journal", views.journal, name="journal"),
]

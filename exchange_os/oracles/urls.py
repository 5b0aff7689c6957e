"""Addresses of the oracles."""

from django.urls import path

from exchange_os.oracles import api

urlpatterns = [path("push", api.push_price, name="oracle-push")]

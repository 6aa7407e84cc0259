"""Every address the site answers."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from platform_site import health
from platform_site.metrics import metrics

handler400 = "payments.api.errors.bad_request"
handler404 = "payments.api.errors.not_found"
handler500 = "payments.api.errors.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="docs")),
    path("", include("payments.api.urls")),
    path("admin/", admin.site.urls),
    path("health", health.summary),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", metrics),
]

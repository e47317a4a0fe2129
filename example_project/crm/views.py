from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .models import Contact


def contacts(request: HttpRequest) -> HttpResponse:
    """List the contacts, newest first. Open to all: this is an example, a real CRM asks for a login."""
    page = Paginator(Contact.objects.all(), 50).get_page(request.GET.get("page"))
    return render(request, "crm/contacts.html", {"page": page})

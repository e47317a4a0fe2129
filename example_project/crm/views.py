from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .models import Contact


# The settings ask for a login; this asks who may see people's names and numbers.
@permission_required("crm.view_contact", raise_exception=True)
def contacts(request: HttpRequest) -> HttpResponse:
    """List the contacts, newest first."""
    page = Paginator(Contact.objects.all(), 50).get_page(request.GET.get("page"))
    return render(request, "crm/contacts.html", {"page": page})

from django.contrib import admin

from .models import Contact


@admin.register(Contact)
class ContactAdmin(admin.ModelAdmin):
    """Contacts in the admin, where an event's delivery links to the one it made."""

    list_display = ["__str__", "email", "phone", "status", "quote_status", "created_at"]
    search_fields = ["name", "email", "phone", "lead_id"]
    search_help_text = "Part of a name, an e-mail address, a phone number or a lead's id."
    readonly_fields = ["created_at"]

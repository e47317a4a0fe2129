"""Topics in words that a salesperson knows; the topic itself stays beside them, for developers."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

#: Of every topic that is known to arrive.
WORDS: Mapping[str, Promise] = {
    "lead.created": _("New lead"),
    "lead.updated": _("Lead changed"),
    "lead.archived": _("Lead archived"),
    "quote.created": _("New quote"),
    "quote.updated": _("Quote changed"),
    "interaction.created": _("New interaction"),
    "interaction.updated": _("Interaction changed"),
    "interaction.resolved": _("Conversation closed"),
    "agent.created": _("New agent"),
    "agent.updated": _("Agent changed"),
    "conversation.created": _("New conversation"),
    "conversation.claimed": _("Conversation taken up"),
    "message.status": _("Message status"),
    "contact.created": _("New contact"),
    "contact.updated": _("Contact changed"),
    "contact.deleted": _("Contact deleted"),
    "support.expert.agent": _("Support ticket"),
}
#: The lists that are compared, by the name that a report has for them.
LISTS: Mapping[str, Promise] = {
    "leads": _("leads"),
    "interactions": _("interactions"),
    "quotes": _("quotes"),
    "quotes accepted": _("quotes accepted"),
    "quotes rejected": _("quotes rejected"),
}


def list_name(name: str) -> str:
    """Return what people call a list of what happened."""
    return str(LISTS.get(name, name))


def words(topic: str) -> str:
    """Return what a topic is about, such as "New lead"; empty for one that we don't know."""
    return str(WORDS.get(topic, ""))


def label(topic: str) -> str:
    """Return a topic for people and developers alike: "New lead (lead.created)"; itself where we have no words."""
    known = words(topic)
    return gettext("%(words)s (%(name)s)") % {"words": known, "name": topic} if known else topic

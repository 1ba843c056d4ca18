"""Which permission each route of the desk asks for, and each frame of its socket: the one place that says so.

guard.guard_desk reads it; what isn't here is refused. A test holds it to the routes there are, role by role.
"""

from collections.abc import Mapping

from bot.roles import Permission

P = Permission

# One's own sign-in and password: of no hotel. Signing in alone needs nobody to be signed in.
SIGN_IN = ("POST", "/desk/v1/session")
OWN = frozenset(
    {
        ("GET", "/desk/v1/session"),
        ("DELETE", "/desk/v1/session"),
        ("POST", "/desk/v1/password"),
        ("POST", "/desk/v1/session/lock"),
        ("POST", "/desk/v1/session/open"),
        ("POST", "/desk/v1/pin"),
        ("POST", "/desk/v1/guest-name"),
        ("POST", "/desk/v1/second-factor/offer"),
        ("POST", "/desk/v1/second-factor"),
        ("POST", "/desk/v1/second-factor/off"),
    }
)

# What a locked desk still does: telling that it is, being opened, and signing out.
LOCKED = frozenset(
    {
        ("GET", "/desk/v1/session"),
        ("DELETE", "/desk/v1/session"),
        ("POST", "/desk/v1/session/lock"),
        ("POST", "/desk/v1/session/open"),
    }
)

HOTEL = "/desk/v1/hotels/{hotel}"

# Below HOTEL.
_HERE: Mapping[tuple[str, str], Permission] = {
    ("GET", "/conversations"): P.LOOK,
    ("GET", "/conversations/{conversation}"): P.LOOK,
    ("GET", "/conversations/{conversation}/card"): P.LOOK,
    ("POST", "/conversations/{conversation}/read"): P.LOOK,
    ("POST", "/conversations/{conversation}/claim"): P.WORK,
    ("POST", "/conversations/{conversation}/release"): P.WORK,
    ("POST", "/conversations/{conversation}/transfer"): P.WORK,
    ("POST", "/conversations/{conversation}/note"): P.WORK,
    ("POST", "/conversations/{conversation}/acknowledge"): P.WORK,
    ("POST", "/conversations/{conversation}/reply"): P.WORK,  # a trainee's stays a draft
    ("POST", "/conversations/{conversation}/drafts/{seq}/approve"): P.APPROVE,
    ("POST", "/conversations/{conversation}/drafts/{seq}/refuse"): P.WORK,  # one's own; others' with APPROVE
    ("POST", "/conversations/{conversation}/snooze"): P.WORK,
    ("POST", "/conversations/{conversation}/wake"): P.WORK,
    ("POST", "/conversations/{conversation}/take-over"): P.SPEAK,
    ("POST", "/conversations/{conversation}/whisper"): P.APPROVE,
    ("POST", "/conversations/{conversation}/files"): P.SPEAK,
    ("GET", "/conversations/{conversation}/closing"): P.SPEAK,
    ("POST", "/conversations/{conversation}/close"): P.SPEAK,
    ("POST", "/conversations/{conversation}/resend"): P.SPEAK,
    ("POST", "/conversations/{conversation}/promises"): P.WORK,
    ("POST", "/conversations/{conversation}/events/{seq}/no-promise"): P.WORK,
    ("POST", "/conversations/{conversation}/events/{seq}/sealed"): P.UNSEAL,
    ("POST", "/conversations/{conversation}/events/{seq}/correct"): P.WORK,
    ("DELETE", "/conversations/{conversation}/events/{seq}/correct"): P.WORK,
    ("POST", "/conversations/{conversation}/events/{seq}/review"): P.REVIEW,
    ("POST", "/conversations/{conversation}/events/{seq}/draft"): P.TEACH,
    ("POST", "/guests/{guest}/link"): P.TEACH,
    ("POST", "/identities/{identity}/unlink"): P.TEACH,
    ("GET", "/orders"): P.LOOK,
    ("POST", "/orders/{order}/take"): P.WORK,
    ("POST", "/orders/{order}/done"): P.WORK,
    ("GET", "/promises"): P.LOOK,
    ("POST", "/promises/{promise}"): P.WORK,
    ("POST", "/promises/{promise}/kept"): P.WORK,
    ("POST", "/promises/{promise}/broken"): P.WORK,
    ("GET", "/feed"): P.LOOK,
    ("GET", "/feed/poll"): P.LOOK,
    ("POST", "/search"): P.LOOK,
    ("GET", "/colleagues"): P.LOOK,
    ("GET", "/intents"): P.LOOK,
    ("GET", "/corrections"): P.REVIEW,
    ("GET", "/today"): P.OVERSEE,
    ("GET", "/handovers/now"): P.LOOK,
    ("GET", "/handovers"): P.LOOK,
    ("POST", "/handovers"): P.WORK,
    ("GET", "/handovers/{handover}"): P.LOOK,
    ("POST", "/handovers/{handover}/sign"): P.WORK,
    ("GET", "/knowledge"): P.LOOK,
    ("GET", "/knowledge/points/{point}"): P.LOOK,
    ("GET", "/knowledge/export"): P.LOOK,
    ("GET", "/knowledge/questions"): P.LOOK,
    ("GET", "/knowledge/import"): P.TEACH,
    ("POST", "/knowledge/import"): P.TEACH,
    ("POST", "/knowledge/points"): P.TEACH,
    ("POST", "/knowledge/points/{point}"): P.TEACH,
    ("POST", "/knowledge/points/{point}/approve"): P.TEACH,
    ("POST", "/knowledge/points/{point}/retire"): P.TEACH,
    ("POST", "/knowledge/approve"): P.TEACH,
    ("POST", "/knowledge/preview"): P.TEACH,
    ("POST", "/knowledge/precedence"): P.TEACH,
    ("POST", "/knowledge/questions/settle"): P.TEACH,
    ("GET", "/knowledge/facts"): P.LOOK,
    ("GET", "/knowledge/facts/{fact}"): P.LOOK,
    ("POST", "/knowledge/facts/{fact}"): P.TEACH,
    ("POST", "/knowledge/facts/{fact}/preview"): P.TEACH,
    ("GET", "/conversations/{conversation}/phrases"): P.LOOK,
    ("GET", "/phrases"): P.REVIEW,
    ("POST", "/phrases"): P.REVIEW,
    ("GET", "/phrases/{phrase}"): P.REVIEW,
    ("POST", "/phrases/{phrase}"): P.REVIEW,
    ("POST", "/phrases/{phrase}/retire"): P.REVIEW,
    ("POST", "/conversations/{conversation}/decline"): P.WORK,
    ("POST", "/conversations/{conversation}/pass-on"): P.WORK,
    ("PUT", "/conversations/{conversation}/vip"): P.WORK,
    ("GET", "/departments"): P.LOOK,
    ("PUT", "/presence"): P.WORK,
    ("GET", "/staff"): P.OVERSEE,
    ("GET", "/staff/{staff}/holds"): P.OVERSEE,
    ("PUT", "/staff/{staff}/post"): P.APPOINT,
    ("POST", "/staff/{staff}/role"): P.APPOINT,
    ("POST", "/staff/{staff}/deactivate"): P.APPOINT,
}

ROUTES: Mapping[tuple[str, str], Permission] = {
    (m, HOTEL + path): asked for (m, path), asked in _HERE.items()
}

# What a page may send over the feed.
FRAMES: Mapping[str, Permission] = {
    "ping": P.LOOK,
    "follow": P.LOOK,
    "unfollow": P.LOOK,
    "typing": P.WORK,
}

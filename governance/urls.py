"""Addresses of governance."""

from django.urls import path

from governance.pages import decision, drafting, incidents, proposals, queue, votes

app_name = "governance"

urlpatterns = [
    path("", queue.queue, name="queue"),
    path("incidents/", incidents.incidents, name="incidents"),
    path("incidents/<int:number>/draft/", incidents.draft, name="draft_incident"),
    path("proposals/", proposals.proposals, name="proposals"),
    path("proposals/new/", proposals.new_proposal, name="new_proposal"),
    path("proposals/<int:number>/again/", proposals.again, name="bring_again"),
    path("parameters/", proposals.parameters, name="parameters"),
    path("register/", queue.register, name="register"),
    path("committee/", queue.committee, name="committee"),
    path("committee/conflict/", drafting.conflict, name="conflict"),
    path("committee/halt/", drafting.halt, name="halt"),
    path("new/", drafting.new_case, name="new_case"),
    path("votes/<int:number>/", votes.confirm, name="confirm"),
    path("evidence/<int:number>/file", drafting.evidence_file, name="evidence_file"),
    path("evidence/<int:number>/replay/", drafting.replay, name="replay"),
    path("<int:number>/", decision.decision, name="decision"),
    path("<int:number>/standing/", decision.standing_part, name="standing"),
    path("<int:number>/text", drafting.text, name="text"),
    path("<int:number>/comment/", decision.comment, name="comment"),
    path("<int:number>/evidence/", drafting.attach, name="attach"),
    path("<int:number>/vote/", votes.vote, name="vote"),
    *(path(f"<int:number>/{verb}/", decision.act, {"verb": verb}, name=verb) for verb in decision.DONE),
]

"""Pictures (SVG) of what a chat shows of an alert, drawn from the payload that is really posted.

No browser, no font file and no network: the same payload gives the same bytes on every machine (decision record 0048).
They show what stands where, and how it is set off. Slack and Teams have fonts of their own and break lines elsewhere.
"""

from local.pictures.slack import draw as draw_slack
from local.pictures.teams import draw as draw_teams

__all__ = ["draw_slack", "draw_teams"]

"""Every door, for the application to open."""

from typing import Final

from starlette.routing import BaseRoute

from app.routers.compat.vxp import VxpDoor

DOORS: Final[tuple[BaseRoute, ...]] = (VxpDoor(),)
"""Routes of the older protocols; none of them is part of the API description."""

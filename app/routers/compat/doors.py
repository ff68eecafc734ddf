"""Every door, for the application to open."""

from typing import Final

from starlette.routing import BaseRoute

from app.routers.compat.lgsp import LgspDoor
from app.routers.compat.trunk import TokenAlias, TrunkDoor
from app.routers.compat.vxp import VxpDoor
from app.routers.sign_in import TOKEN_PATH

DOORS: Final[tuple[BaseRoute, ...]] = (VxpDoor(), LgspDoor(), TrunkDoor(), TokenAlias(TOKEN_PATH))
"""Routes of the older protocols; none of them is part of the API description."""

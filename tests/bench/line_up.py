"""Who is compared, in the order of the table."""

from caddy import CaddyForwardAuth
from contenders import Floor, FloorHttp, HAProxyMap, HAProxyPlain, Postern
from nginx import NginxAuthRequest, NginxLua, NginxMap

ALL = (HAProxyMap, Postern, HAProxyPlain, NginxMap, NginxLua, NginxAuthRequest, CaddyForwardAuth, FloorHttp, Floor)

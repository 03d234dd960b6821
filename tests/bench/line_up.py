"""Who is compared, in the order of the table."""

from caddy import CaddyForwardAuth
from contenders import Floor, FloorHttp, HAProxyMap, HAProxyPlain
from nginx import NginxAuthRequest, NginxLua, NginxMap
from postern import Postern, PosternUring

ALL = (HAProxyMap, Postern, PosternUring, HAProxyPlain, NginxMap, NginxLua, NginxAuthRequest, CaddyForwardAuth, FloorHttp, Floor)
BY_NAME = {kind.name: kind for kind in ALL}

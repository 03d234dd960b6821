"""nginx in three ways: a map of tokens, a subrequest to an authentication server, and Lua.

It cannot remove fields by a prefix, so each that is to be kept away is named: less work than the others have. Its map compares without regard to
case, so it tells fewer tokens apart than it holds: what is compared is what it costs, not what it is worth.
"""

from __future__ import annotations

import hashlib
from typing import List

from asking import Asking
from contenders import Contender, Workplace, connections_max, token_name

MAIN = """\
{modules}pid {folder}/{name}.pid;
error_log stderr error;
daemon off;
master_process off;
worker_rlimit_nofile 20000;
pcre_jit on;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    client_max_body_size 0;
    keepalive_requests 1000000000;
    upstream api {{ server 127.0.0.1:{upstream_port}; keepalive 2048; keepalive_requests 1000000000; }}
    proxy_http_version 1.1;
{http}    server {{
        listen 127.0.0.1:{port}{tls} backlog=4096;
{certificate}        location / {{
{otherwise}        }}
        location /api/v1/orders/ {{
            limit_except GET POST {{ deny all; }}
{guard}            proxy_set_header Connection "";
            proxy_set_header Authorization "";
            proxy_set_header X-Subject-Id $subject_id;
            proxy_set_header X-Subject-Name $subject_name;
            proxy_set_header X-Subject-Type token;
            proxy_set_header X-Subject-Roles "";
            proxy_pass http://api;
        }}
{locations}    }}
}}
"""


class Nginx:
    """What the three have in common: one process that serves, and a file."""

    modules = http = guard = otherwise = locations = ""

    def write_config(self) -> None:
        tls, file = self.place.setting.tls, self.place.certificate
        text = MAIN.format(connections=2 * connections_max() + 100, tls=" ssl" if tls else "",
                           certificate=f"        ssl_certificate {file};\n        ssl_certificate_key {file};\n" if tls else "",
                           folder=self.place.folder, name=self.name, port=self.port, upstream_port=self.place.upstream_port,
                           modules=self.modules, http=self.http, guard=self.guard, otherwise=self.otherwise, locations=self.locations)
        (self.place.folder / f"{self.name}.conf").write_text(text)

    def command(self) -> List[str]:
        return ["nginx", "-p", str(self.place.folder), "-c", str(self.place.folder / f"{self.name}.conf")]


class NginxMap(Nginx, Contender):
    name = "nginx-map"
    work = "nginx 1.22: a map of tokens (in the clear), path rule, headers"
    guard = """\
            if ($subject = "") { return 401; }
            if ($subject !~ "^(?<subject_id>[^|]+)\\\\|(?<subject_name>[^|]+)\\\\|orders\\\\.read$") { return 403; }
"""
    otherwise = """\
            if ($subject = "") { return 401; }
            return 403;
"""

    def __init__(self, place: Workplace) -> None:
        super().__init__(place)
        table = place.folder / "nginx-tokens.conf"
        lines = (f'"Bearer {secret}" "tok_{number:016}|{token_name(number)}|orders.read";\n' for number, secret in enumerate(place.tokens))
        table.write_text("".join(lines))
        # Room for fifteen keys in a bucket and one bucket for each token: the first size that nginx tries fits.
        self.http = f"""\
    map_hash_bucket_size 1024;
    map_hash_max_size {max(2048, len(place.tokens))};
    map $http_authorization $subject {{ default ""; include {table}; }}
"""
        self.write_config()


class NginxAuthRequest(Nginx, Asking):
    name = "nginx-auth-request"
    work = "nginx 1.22: auth_request to a small server, headers"
    guard = """\
            auth_request /check;
            auth_request_set $subject_id $upstream_http_x_subject_id;
            auth_request_set $subject_name $upstream_http_x_subject_name;
"""
    otherwise = """\
            auth_request /check;
            proxy_pass http://api;
"""
    locations = """\
        location = /check {
            internal;
            proxy_pass http://auth;
            proxy_pass_request_body off;
            proxy_set_header Connection "";
            proxy_set_header Content-Length "";
            proxy_set_header X-Forwarded-Method $request_method;
            proxy_set_header X-Forwarded-Uri $request_uri;
        }
"""

    def write_config(self) -> None:
        self.http = f"    upstream auth {{ server 127.0.0.1:{self.auth_port}; keepalive 2048; keepalive_requests 1000000000; }}\n"
        super().write_config()


LUA_INIT = """\
    lua_package_path "/usr/share/lua/5.1/?.lua;;";
    init_by_lua_block {{
        local ffi = require "ffi"
        ffi.cdef "unsigned char *SHA256(const unsigned char *data, size_t size, unsigned char *digest);"
        local digest = ffi.new("unsigned char[32]")
        subjects = {{}}
        for line in io.lines("{table}") do
            local hex, id, name, right = line:match("^(%x+) ([^|]+)|([^|]+)|(.+)$")
            subjects[hex:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end)] = {{id, name, right}}
        end
        function subject_of(authorization)
            if not authorization or authorization:sub(1, 7) ~= "Bearer " then return nil end
            local secret = authorization:sub(8)
            ffi.C.SHA256(secret, #secret, digest)
            return subjects[ffi.string(digest, 32)]
        end
    }}
"""


class NginxLua(Nginx, Contender):
    name = "nginx-lua"
    work = "nginx 1.22, Lua: SHA-256 and a table of tokens, path rule, headers"
    modules = "load_module /usr/lib/nginx/modules/ndk_http_module.so;\nload_module /usr/lib/nginx/modules/ngx_http_lua_module.so;\n"
    guard = """\
            set $subject_id ""; set $subject_name "";
            rewrite_by_lua_block {
                local subject = subject_of(ngx.var.http_authorization)
                if not subject then return ngx.exit(401) end
                if subject[3] ~= "orders.read" then return ngx.exit(403) end
                ngx.var.subject_id = subject[1]
                ngx.var.subject_name = subject[2]
            }
"""
    otherwise = """\
            access_by_lua_block {
                return ngx.exit(subject_of(ngx.var.http_authorization) and 403 or 401)
            }
            proxy_pass http://api;
"""

    def __init__(self, place: Workplace) -> None:
        super().__init__(place)
        table = place.folder / "nginx-digests.txt"
        lines = (f"{hashlib.sha256(secret.encode()).hexdigest()} tok_{number:016}|{token_name(number)}|orders.read\n"
                 for number, secret in enumerate(place.tokens))
        table.write_text("".join(lines))
        self.http = LUA_INIT.format(table=table)
        self.write_config()

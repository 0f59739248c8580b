#!/bin/sh
# Runs a real nginx (its binary is the argument) at this Pod's address. SIGTERM lets it finish what it is serving, as the
# official image's STOPSIGNAL SIGQUIT does.
set -eu
folder=$(mktemp -d)
cat >"$folder/nginx.conf" <<EOF
user root;
daemon off;
worker_processes 1;
pid $folder/nginx.pid;
error_log stderr;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path $folder/body;
  proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi;
  scgi_temp_path $folder/scgi;
  server {
    listen $POD_IP:8080;
    location / { return 200 "$HOSTNAME\n"; }
  }
}
EOF
"$1" -p "$folder" -c "$folder/nginx.conf" -e stderr &
nginx=$!
trap 'kill -QUIT $nginx' TERM
wait $nginx || wait $nginx || true
rm -rf "$folder"

# Alpine (musl): the client as one file, which has nothing that is compiled for a processor or a libc.
ARG BASE=alpine:3
FROM ${BASE}
RUN command -v python3 >/dev/null || apk add --no-cache python3
COPY hostseal.pyz /opt/darwin/

# The product: its root keys, its settings, its program. license.dat comes to conf/ at the customer's.
COPY product/ /opt/darwin/
CMD ["python3", "/opt/darwin/hostseal.pyz", "guard", "--", "sh", "/opt/darwin/start"]

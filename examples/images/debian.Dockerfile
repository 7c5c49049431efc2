# Debian, and Python's own images on it: the client as a package, from wheels that were copied in.
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}
COPY wheels/ /tmp/wheels/
RUN python3 -m pip install --no-index --find-links /tmp/wheels --no-deps --target /opt/darwin/lib hostseal click
ENV PYTHONPATH=/opt/darwin/lib LICENSE_CONF=/opt/darwin/conf LICENSE_KEYS=/opt/darwin/keys

# The product: its root keys, its settings, its program. license.dat comes to conf/ at the customer's.
COPY product/ /opt/darwin/
CMD ["python3", "/opt/darwin/lib/bin/license-cli", "guard", "--", "sh", "/opt/darwin/start"]

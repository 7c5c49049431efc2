# Red Hat's universal base image, and what is built like it (Python 3.9): the client as one file.
ARG BASE=almalinux:9-minimal
FROM ${BASE}
RUN command -v python3 >/dev/null || { microdnf install -y python3 && microdnf clean all; }
COPY hostseal.pyz /opt/darwin/

# The product: its root keys, its settings, its program. license.dat comes to conf/ at the customer's.
COPY product/ /opt/darwin/
CMD ["python3", "/opt/darwin/hostseal.pyz", "guard", "--", "sh", "/opt/darwin/start"]

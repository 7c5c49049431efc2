# Ubuntu 22.04 (Python 3.10), and images that are made of it, such as NVIDIA's with CUDA: the client as one file.
ARG BASE=ubuntu:22.04
FROM ${BASE}
RUN command -v python3 >/dev/null || { apt-get update && \
    apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*; }
COPY hostseal.pyz /opt/darwin/

# The product: its root keys, its settings, its program. license.dat comes to conf/ at the customer's.
COPY product/ /opt/darwin/
CMD ["python3", "/opt/darwin/hostseal.pyz", "guard", "--", "sh", "/opt/darwin/start"]

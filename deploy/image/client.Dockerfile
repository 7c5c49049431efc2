# A base for products: the client keeps the product under `guard`. README.md says how to build on it.
ARG BASE=scratch
FROM ${BASE}
ARG VERSION
LABEL org.opencontainers.image.title="hostseal-client" org.opencontainers.image.version="${VERSION}"
COPY --chown=0:0 debian/ /
COPY --chown=0:0 hostseal/ /
COPY --chown=10001:10001 owned/ /
ENV PATH=/opt/hostseal/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt LICENSE_CONF=/product/conf LICENSE_KEYS=/product/keys
USER 10001:10001
WORKDIR /product
ENTRYPOINT ["tini", "--", "license-cli", "guard", "--"]

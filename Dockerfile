# Two stages: the first builds with tools, the second runs without them. The container needs nothing but a volume:
#
#   docker build -t truc .
#   docker run -p 8080:8080 -v truc-data:/data truc
#
# The tag names release, Python patch and Debian; renew it on purpose, together with the pinned requirements.

FROM python:3.11.14-slim-bookworm AS build

# Nothing here may differ from what was tested: no other Python, no configuration from outside, no cache to copy along.
ENV UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1 UV_NO_CACHE=1 UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 \
    PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /build

# Requirements come before the code, so that a change of code alone does not install them anew.
COPY uv.txt requirements.lock requirements-build.lock ./
RUN python3 -m pip install --quiet --no-deps --require-hashes --target /opt/tools -r uv.txt
RUN /opt/tools/bin/uv venv --python /usr/local/bin/python3 /opt/truc \
    && VIRTUAL_ENV=/opt/truc /opt/tools/bin/uv pip sync --require-hashes requirements.lock
RUN /opt/tools/bin/uv venv --python /usr/local/bin/python3 /opt/build \
    && VIRTUAL_ENV=/opt/build /opt/tools/bin/uv pip sync --require-hashes requirements-build.lock

# The wheel holds app and migrations; the service upgrades its database from the migrations installed beside the code.
COPY pyproject.toml README.md ./
COPY app app
COPY migrations migrations
RUN /opt/build/bin/hatchling build --target wheel --directory /opt/wheels \
    && VIRTUAL_ENV=/opt/truc /opt/tools/bin/uv pip install --no-deps --offline /opt/wheels/*.whl


# The same base, because the environment points at the interpreter it was made with.
FROM python:3.11.14-slim-bookworm

# A fixed number, so that volumes keep their owner across images and an orchestrator can see that it is not root.
# The data folder is private: it holds the node's signing key.
RUN groupadd --gid 10001 truc \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin truc \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data

# Owned by root and only readable to the service: what runs cannot rewrite itself.
COPY --from=build /opt/truc /opt/truc

# Logs leave at once; bytecode was compiled above and could not be written here anyway.
ENV PATH=/opt/truc/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TRUC_DATA_DIR=/data

USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080

# The image has no curl, and needs none. The start period covers migrations of a large database.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]

# Exec form: the service is process 1 and gets the signal to stop itself. Secrets come by environment or files at run
# time, never into the image.
ENTRYPOINT ["truc"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]

# One image for web, live, worker, beat and migrate; docker-compose.yml says which process a container runs.

FROM python:3.11-slim-bookworm AS python
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

# Libraries, by hash. A change of the code doesn't install them again.
FROM python AS libraries
COPY requirements-production.txt /tmp/
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --require-hashes -r /tmp/requirements-production.txt

# Front-end files and translations. Node stays behind in this stage.
FROM libraries AS assets
WORKDIR /app
COPY requirements-frontend.txt package.json package-lock.json ./
COPY tools/frontend.py tools/
RUN /opt/venv/bin/pip install --require-hashes -r requirements-frontend.txt && /opt/venv/bin/python tools/frontend.py
COPY . .
RUN /opt/venv/bin/python tools/translations.py compile \
    && DATA_DIR=/tmp/build /opt/venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && /opt/venv/bin/python -m compileall -q /app -x node_modules \
    && rm -rf node_modules tests bench tools

FROM python AS desk
RUN groupadd --gid 10001 desk && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin desk \
    && install -d -o desk -g desk -m 0700 /data /keys
COPY --from=libraries /opt/venv /opt/venv
COPY --from=assets /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH DATA_DIR=/data MASTER_KEY_FILE=/keys/master_key_ring.json LOG_FORMAT=json
USER desk
VOLUME ["/data", "/keys"]
EXPOSE 8000
# Each service of docker-compose.yml has a check of its own; this one is the web process's.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "docker/healthy.py", "http://127.0.0.1:8000/healthz"]
CMD ["gunicorn", "--config", "docker/gunicorn.conf.py", "servicedesk.wsgi:application"]

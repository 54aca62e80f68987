# One image for all of the house's processes; docker-compose.yml says which one each container runs.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/perimeter

# Before the code, so that a change of code installs nothing.
COPY requirements.lock .
RUN pip install --no-cache-dir --disable-pip-version-check --only-binary :all: \
    --require-hashes --requirement requirements.lock

# The code stays root's: its process may read it and no more.
COPY . .
RUN python -m compileall -q .

RUN groupadd --gid 10001 perimeter && useradd --uid 10001 --gid 10001 --no-create-home perimeter

USER 10001:10001
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", \
    "--blocking-threads", "8", \
    "config.wsgi:application"]

# One image, one process: `docker run` serves the example in config/. docs/container.md says the rest.
# What is installed is pinned with hashes in the lock files; what builds it stays behind in its stage.

FROM python:3.13-slim AS libraries
# strip, for this stage only: uvloop, SQLAlchemy and PyYAML bring 26 MB of debug information along;
# and what `scheduler db` calls on PostgreSQL, out of its package, which would bring a whole Perl
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils \
 && cd /tmp && apt-get download -qq postgresql-client-17 && dpkg -x postgresql-client-17_*.deb /postgresql \
 && rm -rf /var/lib/apt/lists/* postgresql-client-17_*.deb
COPY requirements.lock /build/
RUN python -m venv --without-pip /opt/scheduler \
 && pip --python /opt/scheduler install --quiet --no-cache-dir --no-compile --only-binary :all: \
      --require-hashes --requirement /build/requirements.lock
# Off comes only what no code of ours can reach. Babel's languages stay, all of them: staff may add any.
#   tests, testing               the libraries' own tests, and helpers for writing tests
#   *.c *.h *.pyx *.pxd *.pyi    sources of what is compiled already, and types for editors
#   bin, include                 their command lines, headers, the shells' activate scripts; python stays
#   pygments/lexers              how to colour program text, which no command of ours prints
#   holidays/locale              the days' names in other languages than English, which alone `check` speaks
#   debug information            not in psycopg_binary: those files were rewritten once already, for its own libpq
RUN cd /opt/scheduler \
 && find lib -type d \( -name tests -o -path '*/sqlalchemy/testing' -o -path '*/alembic/testing' -o -path '*/mako/testing' \) \
      -prune -exec rm -r {} + \
 && find lib -type f \( -name '*.c' -o -name '*.h' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) -delete \
 && find lib -path '*/pygments/lexers/*' -name '*.py' -not -name '__init__.py' -not -name '_mapping.py' -delete \
 && find lib -path '*/holidays/locale/*' -type d -not -path '*/en_US*' -prune -exec rm -r {} + \
 && find bin -not -name 'python*' -not -type d -delete && rm -rf include .gitignore \
 && find lib -name '*.so' -not -path '*/psycopg_binary*' -exec strip --strip-debug {} + \
# nobody may write here later; unchecked: the sources beside them never change
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash lib


FROM libraries AS program
WORKDIR /build
COPY requirements-dev.lock ./
# hatchling and what it needs, out of the developers' lock file; pip refuses if a name is missing here
RUN awk '/^[a-z]/ { keep = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } keep' \
      requirements-dev.lock > hatchling.lock \
 && python -m venv --without-pip /build/hatchling \
 && pip --python /build/hatchling install --quiet --no-cache-dir --only-binary :all: \
      --require-hashes --requirement hatchling.lock
COPY pyproject.toml README.md LICENSE ./
COPY templates templates
COPY scheduler scheduler
RUN hatchling/bin/python -m hatchling build -t wheel -d wheel \
 && pip --python /opt/scheduler install --quiet --no-cache-dir --no-compile --no-index --no-deps \
      --prefix /program wheel/*.whl \
 && python -m compileall -q --invalidation-mode unchecked-hash -s /program -p /opt/scheduler /program/lib
# readable by any uid, whatever the umask of the checkout
COPY config /config
RUN chmod -R u=rwX,go=rX /config


FROM python:3.13-slim
LABEL org.opencontainers.image.title="Learning Cities Scheduler" \
      org.opencontainers.image.description="Webinars, invitations and report deadlines for a network of cities, each at its own hour" \
      org.opencontainers.image.licenses="Apache-2.0"
# `scheduler db` backs PostgreSQL up with these; they know servers up to their own version
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends libpq5 \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log
COPY --from=libraries /postgresql/usr/lib/postgresql/17/bin/pg_dump /postgresql/usr/lib/postgresql/17/bin/pg_restore \
     /usr/local/bin/
# Any uid may write here: platforms choose one at random, not always with group 0. There is one process in
# the container, so this opens nothing; on the host the volume lies in a folder that only root can enter.
RUN install -d -o 10001 -g 0 -m 1777 /data
# two layers: an upgrade of ours leaves the libraries, 50 times as large, where they are
COPY --from=libraries /opt/scheduler /opt/scheduler
COPY --from=program /program /opt/scheduler
# the example, which can write to nobody (only_to); mount your own folder over it, read-only
COPY --from=program /config /config
# PYTHONSAFEPATH: the working folder is writable, so nothing is ever imported from it
ENV PATH=/opt/scheduler/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    SCHEDULER_CONFIG=/config \
    SCHEDULER_DATA=/data \
    SCHEDULER_LISTEN=0.0.0.0:8000
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# a bare socket: urllib would cost five times as much, every half minute
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-BIS", "-c", \
  "import os, socket; host, _, port = os.environ['SCHEDULER_LISTEN'].rpartition(':'); s = socket.create_connection((host.strip('[]'), port), 4); s.sendall(b'GET /health/live HTTP/1.0\\r\\n\\r\\n'); raise SystemExit(b' 200 ' not in s.recv(64))"]
ENTRYPOINT ["scheduler"]
CMD ["serve"]

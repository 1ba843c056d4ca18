# Images of 店小二: `make image` builds the targets bot, actions and rasa. What is installed and built in
# them is what `make` does in the tests; no secret is in them, and none runs as root.
# bot serves; put it behind a proxy that does TLS. actions and rasa belong on a private network only.

#
# Mirrors: `make image` hands over PIP_INDEX_URL, UV_DEFAULT_INDEX, UV_PYTHON_INSTALL_MIRROR and
# NPM_CONFIG_REGISTRY where they are set, and REGISTRY, what stands before the names of the base images
# (HOST/ or HOST/FOLDER/). They are used while building and are no part of the images.

ARG PYTHON=3.11
ARG PYTHON_OF_RASA=3.10
ARG REGISTRY=

# --- The service's environment ---
FROM ${REGISTRY}python:${PYTHON}-bookworm AS service-env
ARG PIP_INDEX_URL UV_DEFAULT_INDEX
# Compiled once here: whoever runs the image may not write, and would compile at every start.
ENV UV_COMPILE_BYTECODE=1
WORKDIR /app
COPY Makefile ./
COPY requirements requirements
RUN make env REQUIREMENTS=requirements/service.txt

# --- The pages of desk, widget and phone ---
FROM ${REGISTRY}python:${PYTHON}-bookworm AS pages
ARG PIP_INDEX_URL UV_DEFAULT_INDEX NPM_CONFIG_REGISTRY
WORKDIR /app
COPY Makefile ./
COPY requirements requirements
COPY frontend frontend
COPY texts texts
RUN make frontend

# --- Rasa's environment and the trained model ---
FROM ${REGISTRY}python:${PYTHON_OF_RASA}-bookworm AS trained
ARG PIP_INDEX_URL UV_DEFAULT_INDEX UV_PYTHON_INSTALL_MIRROR
ENV UV_COMPILE_BYTECODE=1
WORKDIR /app
COPY Makefile ./
COPY requirements requirements
RUN make env-rasa
COPY config.yml domain.yml endpoints.yml credentials.yml ./
COPY data data
COPY encoder encoder
COPY nlu nlu
RUN make train

FROM ${REGISTRY}python:${PYTHON}-slim-bookworm AS bot
WORKDIR /app
COPY --from=service-env /app/.venv .venv
COPY --from=pages /app/frontend/dist frontend/dist
COPY LICENSE ./
COPY texts texts
COPY hotels hotels
COPY data/safety.yml data/openers.yml data/
COPY data/flags data/flags
COPY encoder encoder
COPY bot bot
ENV HOST=0.0.0.0 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8080
ENTRYPOINT [".venv/bin/python", "-m", "bot"]
CMD ["serve"]

FROM ${REGISTRY}python:${PYTHON}-slim-bookworm AS actions
WORKDIR /app
COPY --from=service-env /app/.venv .venv
COPY LICENSE ./
COPY texts texts
COPY actions actions
ENV SANIC_HOST=0.0.0.0 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 5055
ENTRYPOINT [".venv/bin/python", "-m", "actions"]

FROM ${REGISTRY}python:${PYTHON_OF_RASA}-slim-bookworm AS rasa
WORKDIR /app
COPY --from=trained /app/.venv-rasa .venv-rasa
COPY --from=trained /app/models models
COPY LICENSE config.yml domain.yml endpoints.yml credentials.yml ./
COPY data data
COPY encoder encoder
COPY nlu nlu
ENV RASA_TELEMETRY_ENABLED=false TF_CPP_MIN_LOG_LEVEL=3 HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 5005
ENTRYPOINT [".venv-rasa/bin/python", "-m", "nlu.serve"]
CMD ["--host", "0.0.0.0"]

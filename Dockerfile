# Images of 店小二: `make image` builds the targets bot, actions and rasa. What is installed and built in
# them is what `make` does in the tests; no secret is in them, and none runs as root.
# bot serves; put it behind a proxy that does TLS. actions and rasa belong on a private network only.

ARG PYTHON=3.11
ARG PYTHON_OF_RASA=3.10

# --- The service's environment ---
FROM python:${PYTHON}-bookworm AS service-env
WORKDIR /app
COPY Makefile ./
COPY requirements requirements
RUN make env REQUIREMENTS=requirements/service.txt

# --- The pages of desk, widget and phone ---
FROM python:${PYTHON}-bookworm AS pages
WORKDIR /app
COPY Makefile ./
COPY requirements requirements
COPY frontend frontend
COPY texts texts
RUN make frontend

# --- Rasa's environment and the trained model ---
FROM python:${PYTHON_OF_RASA}-bookworm AS trained
WORKDIR /app
COPY Makefile ./
COPY requirements requirements
RUN make env-rasa
COPY config.yml domain.yml endpoints.yml credentials.yml ./
COPY data data
COPY nlu nlu
RUN make train

FROM python:${PYTHON}-slim-bookworm AS bot
WORKDIR /app
COPY --from=service-env /app/.venv .venv
COPY --from=pages /app/frontend/dist frontend/dist
COPY LICENSE ./
COPY texts texts
COPY hotels hotels
COPY data/safety.yml data/safety.yml
COPY bot bot
ENV HOST=0.0.0.0 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8080
ENTRYPOINT [".venv/bin/python", "-m", "bot"]
CMD ["serve"]

FROM python:${PYTHON}-slim-bookworm AS actions
WORKDIR /app
COPY --from=service-env /app/.venv .venv
COPY LICENSE ./
COPY texts texts
COPY actions actions
ENV SANIC_HOST=0.0.0.0 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 5055
ENTRYPOINT [".venv/bin/python", "-m", "actions"]

FROM python:${PYTHON_OF_RASA}-slim-bookworm AS rasa
WORKDIR /app
COPY --from=trained /app/.venv-rasa .venv-rasa
COPY --from=trained /app/models models
COPY LICENSE config.yml domain.yml endpoints.yml credentials.yml ./
COPY data data
COPY nlu nlu
ENV RASA_TELEMETRY_ENABLED=false TF_CPP_MIN_LOG_LEVEL=3 HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 5005
ENTRYPOINT [".venv-rasa/bin/python", "-m", "nlu.serve"]
CMD ["--host", "0.0.0.0"]

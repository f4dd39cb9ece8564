# Serves a model on a CPU. Mount a run folder, or what `export` made of one, at /model:
#
#   docker build -t triptych .
#   docker run --rm -p 8000:8000 -v $PWD/runs/cars/export/saved_model:/model:ro triptych
#   docker run --rm -p 8000:8000 triptych python -m plates.serve --host 0.0.0.0
FROM python:3.11-slim

WORKDIR /app
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY triptych triptych
COPY carclf carclf
COPY landmarks landmarks
COPY plates plates
COPY callbacks callbacks
RUN pip install --no-cache-dir '.[cpu,serve,onnx,litert,detect]'

# What is served needs no rights, and no files but its own and those in the folder for uploads.
RUN useradd --system --create-home triptych
USER triptych
ENV TF_CPP_MIN_LOG_LEVEL=3
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]

CMD ["python", "-m", "carclf.serve", "/model", "--host", "0.0.0.0"]

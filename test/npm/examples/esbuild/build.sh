esbuild main.js kadmesh.worker=kadmesh/kadmesh.worker.js --bundle --minify --format=esm --target=es2022 --outdir=dist
cp node_modules/kadmesh/kadmesh.wasm index.html dist

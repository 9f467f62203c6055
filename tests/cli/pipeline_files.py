"""Pipelines over the scene's one repository."""

RELEASE = """
name: release
inputs:
  version: {type: string, required: true}
defaults: {owner: acme, adopt-window: 0s}
steps:
  build:
    action: library/release.yml
    inputs: {version: '${{ inputs.version }}'}
    outputs: {tag: string}
    compensate: {action: library/release.yml, inputs: {version: undone}}
  check:
    needs: build
    action: library/release.yml
    matrix: {n: [1, 2]}
    inputs: {version: '${{ steps.build.outputs.tag }} ${{ string(matrix.n) }}'}
outputs: {tag: '${{ steps.build.outputs.tag }}'}
"""
BROKEN_LATE = """
name: broken-late
defaults: {owner: acme, adopt-window: 0s}
steps:
  build:
    action: library/release.yml
    inputs: {version: built}
    compensate: {action: library/release.yml, inputs: {version: undone}}
  smoke: {needs: build, action: library/release.yml, inputs: {version: smoke, exit: '3'}}
"""
GATED = """
name: gated
defaults: {owner: acme, adopt-window: 0s}
steps:
  gate:
    approval: {approvers: [alice, bob], quorum: 2, message: 'Go on?'}
  build:
    needs: gate
    action: library/release.yml
    inputs: {version: gated}
    compensate: {action: library/release.yml, inputs: {version: undone}}
  long: {needs: build, action: library/release.yml, inputs: {version: long, wait: '60'}}
"""
LONG = """
name: long
defaults: {owner: acme, adopt-window: 0s}
steps:
  build:
    action: library/release.yml
    inputs: {version: built}
    compensate: {action: library/release.yml, inputs: {version: undone, wait: '60'}}
  long:
    needs: build
    action: library/release.yml
    timeout: {cancel: 1s}
    inputs: {version: long, wait: '60'}
"""
PARENT = """
name: parent
steps:
  child:
    pipeline: parts/child.yaml
    inputs: {version: '7'}
    outputs: {tag: string}
outputs: {tag: '${{ steps.child.outputs.tag }}'}
"""
CHILD = """
name: child
inputs: {version: {type: string}}
steps:
  grandchild:
    pipeline: grandchild.yaml
    inputs: {version: '${{ inputs.version }}'}
    outputs: {tag: string}
outputs: {tag: '${{ steps.grandchild.outputs.tag }}'}
"""


def write(folder, **texts):
    """Write pipeline files, and return the first one's path."""
    paths = [folder / f"{name}.yaml" for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(paths[0])

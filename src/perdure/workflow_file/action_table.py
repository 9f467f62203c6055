"""Actions of the marketplace that are known to change something outside."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from perdure.workflow_file.rule_table import ActionRule, Family

_CONTENTS: Final = {"contents": "write"}
_PULLS: Final = {"contents": "write", "pull-requests": "write"}
_PAGES: Final = {"pages": "write", "id-token": "write"}

_SCRIPT_WRITES: Final = (
    *(".create", ".update", ".delete", ".merge(", ".add", ".remove", ".set", ".lock("),
    *("POST /", "PATCH /", "PUT /", "DELETE /", "mutation"),
)
_PLAIN: Final = {
    Family.RELEASE: """
        softprops/action-gh-release svenstaro/upload-release-action googleapis/release-please-action
        google-github-actions/release-please-action release-drafter/release-drafter changesets/action
        cycjimmy/semantic-release-action python-semantic-release/python-semantic-release
        marcoieni/release-plz-action release-plz/action helm/chart-releaser-action
        mathieudutour/github-tag-action anothrnick/github-tag-action phips28/gh-action-bump-version
        dawidd6/action-homebrew-bump-formula goreleaser/goreleaser-action-pro
        marvinpinto/action-automatic-releases taiki-e/upload-rust-binary-action
        xresloader/upload-to-github-release wangyoucao577/go-release-action
        shogo82148/actions-upload-release-asset rubygems/release-gem
    """,
    Family.PUBLISH: """
        js-devtools/npm-publish katyo/publish-crates snapcore/action-publish docker/bake-action-push
        r0adkll/upload-google-play apple-actions/upload-testflight-build
        haaleo/publish-vscode-extension actions/publish-action actions/publish-immutable-action
        actions/attest actions/attest-sbom actions/attest-build-provenance
        mislav/bump-homebrew-formula-action vedantmgoyal9/winget-releaser
        bitflight-devops/github-action-readme-generator-publish peter-evans/dockerhub-description
    """,
    Family.DEPLOY: """
        actions/deploy-pages peaceiris/actions-gh-pages jamesives/github-pages-deploy-action
        crazy-max/ghaction-github-pages aws-actions/amazon-ecs-deploy-task-definition
        aws-actions/aws-cloudformation-github-deploy aws-actions/aws-lambda-deploy
        aws-actions/amazon-eks-deploy einaregilsson/beanstalk-deploy azure/webapps-deploy
        azure/functions-action azure/k8s-deploy azure/arm-deploy azure/static-web-apps-deploy
        azure/container-apps-deploy-action azure/aci-deploy azure/cli azure/powershell
        google-github-actions/deploy-cloudrun google-github-actions/deploy-appengine
        google-github-actions/deploy-cloud-functions google-github-actions/deploy-workflow
        cloudflare/pages-action amondnet/vercel-action nwtgck/actions-netlify
        firebaseextended/action-hosting-deploy w9jds/firebase-action akhileshns/heroku-deploy
        appleboy/ssh-action serverless/github-action digitalocean/app_action superfly/flyctl-actions
        deliverybot/deployment-status bobheadxi/deployments chrnorm/deployment-action
        chrnorm/deployment-status dawidd6/action-ansible-playbook nais/deploy/actions/deploy
        render-actions/deploy johnbeynon/render-deploy-action distributhor/workflow-webhook
        hashicorp/tfc-workflows-github/actions/apply-run kamal-deploy/kamal-action
    """,
    Family.UPLOAD: """
        appleboy/scp-action burnett01/rsync-deployments samkirkland/ftp-deploy-action
        jakejarvis/s3-sync-action shallwefootball/s3-upload-action
        google-github-actions/upload-cloud-storage tpansino/s3-cp-action wlixcc/sftp-deploy-action
        azure/blob-upload bacongobbler/azure-blob-storage-upload
    """,
    Family.PUSH: """
        ad-m/github-push-action stefanzweifel/git-auto-commit-action endbug/add-and-commit
        redhat-actions/push-to-registry peter-evans/create-pull-request akhilerm/tag-push-action
        planetscale/ghcommit-action pixta-dev/repository-mirroring-action
        wearerequired/git-mirror-action
    """,
    Family.TAG: """
        rickstaa/action-create-tag laputansoft/github-tag-action
    """,
    Family.CHANGE: """
        peter-evans/create-or-update-comment marocchino/sticky-pull-request-comment actions/stale
        peter-evans/close-issue peter-evans/enable-pull-request-automerge pascalgn/automerge-action
        hmarr/auto-approve-action thollander/actions-comment-pull-request jasonetco/create-an-issue
    """,
    Family.NOTIFY: """
        slackapi/slack-github-action rtcamp/action-slack-notify 8398a7/action-slack
        dawidd6/action-send-mail ravsamhq/notify-slack-action sarisia/actions-status-discord
        appleboy/discord-action appleboy/telegram-action jdcargile/ms-teams-notification
    """,
}
_SPECIAL: Final = (
    ActionRule(uses="softprops/action-gh-release", family=Family.RELEASE, permissions=_CONTENTS),
    ActionRule(uses="actions/create-release", family=Family.RELEASE, is_safe=False, permissions=_CONTENTS),
    ActionRule(
        uses="actions/upload-release-asset", family=Family.RELEASE, is_safe=False, permissions=_CONTENTS
    ),
    ActionRule(
        uses="ncipollo/release-action",
        family=Family.RELEASE,
        is_safe=False,
        safe_with=frozenset({"allowUpdates", "skipIfReleaseExists"}),
        permissions=_CONTENTS,
    ),
    ActionRule(
        uses="pypa/gh-action-pypi-publish",
        family=Family.PUBLISH,
        is_safe=False,
        safe_with=frozenset({"skip-existing", "skip_existing"}),
        permissions={"id-token": "write"},
    ),
    ActionRule(uses="actions/deploy-pages", family=Family.DEPLOY, permissions=_PAGES),
    ActionRule(uses="peter-evans/create-pull-request", family=Family.PUSH, permissions=_PULLS),
    ActionRule(uses="peaceiris/actions-gh-pages", family=Family.DEPLOY, permissions=_CONTENTS),
    ActionRule(
        uses="jamesives/github-pages-deploy-action",
        family=Family.DEPLOY,
        unless={"dry-run": "true"},
        permissions=_CONTENTS,
    ),
    ActionRule(uses="googleapis/release-please-action", family=Family.RELEASE, permissions=_PULLS),
    ActionRule(
        uses="docker/build-push-action",
        family=Family.PUSH,
        when={"push": (), "outputs": ("push=true", "type=registry")},
    ),
    ActionRule(
        uses="docker/bake-action",
        family=Family.PUSH,
        when={"push": (), "set": ("type=registry", "push=true")},
    ),
    ActionRule(uses="depot/build-push-action", family=Family.PUSH, when={"push": ()}),
    ActionRule(uses="js-devtools/npm-publish", family=Family.PUBLISH, unless={"dry-run": "true"}),
    ActionRule(
        uses="cycjimmy/semantic-release-action",
        family=Family.RELEASE,
        unless={"dry_run": "true"},
        permissions=_CONTENTS,
    ),
    ActionRule(
        uses="mathieudutour/github-tag-action",
        family=Family.TAG,
        unless={"dry_run": "true"},
        permissions=_CONTENTS,
    ),
    ActionRule(uses="anothrnick/github-tag-action", family=Family.TAG, permissions=_CONTENTS),
    ActionRule(
        uses="goreleaser/goreleaser-action",
        family=Family.RELEASE,
        when={"args": ("release", "publish")},
        permissions=_CONTENTS,
    ),
    ActionRule(
        uses="pulumi/actions", family=Family.DEPLOY, when={"command": ("up", "update", "destroy", "refresh")}
    ),
    ActionRule(uses="cloudflare/wrangler-action", family=Family.DEPLOY),
    ActionRule(uses="netlify/actions/cli", family=Family.DEPLOY, when={"args": ("deploy",)}),
    ActionRule(uses="peter-evans/repository-dispatch", family=Family.REQUEST, is_safe=False),
    ActionRule(uses="benc-uk/workflow-dispatch", family=Family.REQUEST, is_safe=False),
    ActionRule(uses="convictional/trigger-workflow-and-wait", family=Family.REQUEST, is_safe=False),
    ActionRule(
        uses="fjogeleit/http-request-action",
        family=Family.REQUEST,
        when={"method": ("post", "put", "patch", "delete")},
    ),
    ActionRule(
        uses="actions/github-script",
        family=Family.REQUEST,
        when={"script": _SCRIPT_WRITES},
    ),
)


@lru_cache(maxsize=1)
def built_in() -> dict[str, ActionRule]:
    """Return every rule by the action's name."""
    plain = {
        uses: ActionRule(uses=uses, family=family)
        for family, names in _PLAIN.items()
        for uses in names.split()
    }
    return plain | {rule.uses: rule for rule in _SPECIAL}

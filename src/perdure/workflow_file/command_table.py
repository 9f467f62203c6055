"""Command lines that are known to change something outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from perdure.workflow_file.rule_table import CommandRule, Family

# One command a line. `once` marks what fails, or is made twice, when it is done again; `goal` what may stand
# behind other words; `-x` options with which nothing happens; `+x` options that are needed; `=x` options
# with which it may be done again.
_TABLE: Final = {
    Family.PUSH: """
        git push -n --dry-run
        docker push
        docker image push
        docker buildx build +--push
        docker build +--push
        docker buildx bake +--push
        docker compose push
        docker buildx imagetools create --dry-run
        docker manifest push
        podman push
        buildah push
        nerdctl push
        skopeo copy
        skopeo sync
        crane push
        crane copy
        crane cp
        crane tag
        regctl image copy
        oras push
        oras copy
        ko build --local --push=false
        ko publish --local
        ko apply
        helm push
        cosign sign
        cosign attest
        jib goal
    """,
    Family.TAG: """
        git tag once -l --list -v --verify -n --contains --points-at --sort =-f =--force
    """,
    Family.PUBLISH: """
        npm publish once --dry-run
        pnpm publish once --dry-run =-r =--recursive
        yarn publish once
        yarn npm publish once =--tolerate-republish
        yarn workspaces foreach npm publish once
        bun publish once --dry-run
        jsr publish --dry-run
        deno publish --dry-run
        lerna publish once
        npm dist-tag add
        npm deprecate
        npm unpublish
        changeset publish
        vsce publish once
        ovsx publish once
        twine upload once =--skip-existing
        poetry publish once --dry-run =--skip-existing
        flit publish once
        hatch publish once
        uv publish once --dry-run =--check-url
        pdm publish once =--skip-existing
        setup.py upload once goal
        cargo publish once --dry-run -n
        cargo workspaces publish
        cargo yank
        gem push once
        gem yank
        rake release once
        mvn deploy once goal
        mvn release:perform once goal
        mvn release:prepare once goal
        gradle publish once goal
        gradle publishPlugins once goal
        gradle publishToSonatype once goal
        gradle uploadArchives once goal
        gradle closeAndReleaseSonatypeStagingRepository once goal
        gradle jib goal
        sbt publish once goal
        sbt publishSigned once goal
        sbt ci-release goal
        dotnet nuget push once =--skip-duplicate
        nuget push once =-SkipDuplicate
        conan upload
        anaconda upload once =--skip-existing =--skip
        cabal upload once
        stack upload once
        mix hex.publish once
        dart pub publish once --dry-run
        flutter pub publish once --dry-run
        pod trunk push once
        luarocks upload once
        composer publish
        snapcraft upload
        snapcraft release
        cloudsmith push
        jfrog rt upload
        jf rt upload
        jf rt u
    """,
    Family.RELEASE: """
        gh release create once
        gh release upload once =--clobber
        gh release edit
        gh release delete
        goreleaser release --snapshot --skip=publish
        goreleaser --snapshot --skip-publish
        goreleaser publish
        semantic-release --dry-run -d
        semantic-release publish
        release-it --dry-run
        release-please
        release-plz release
        cargo release +-x +--execute
        standard-release
        auto shipit
        jreleaser full-release once
        glab release create once
        hub release create once
        fastlane release
        fastlane deploy
        fastlane supply
        fastlane pilot
    """,
    Family.CHANGE: """
        gh pr create once --dry-run
        gh pr merge
        gh pr close
        gh pr comment
        gh pr edit
        gh pr review
        gh issue create once
        gh issue close
        gh issue comment
        gh issue edit
        gh issue delete
        gh label create once =--force =-f
        gh label delete
        gh repo create once
        gh repo delete
        gh repo edit
        gh repo sync
        gh repo archive
        gh secret set
        gh secret delete
        gh variable set
        gh variable delete
        gh workflow run once
        gh workflow enable
        gh workflow disable
        gh run rerun
        gh run cancel
        gh cache delete
        gh gist create once
        alembic upgrade --sql
        flyway migrate
        liquibase update
        rails db:migrate
        rake db:migrate
        prisma migrate deploy
        sentry-cli releases
        sentry-cli deploys
        sentry-cli upload-dif
        sentry-cli sourcemaps upload
    """,
    Family.DEPLOY: """
        terraform apply
        terraform destroy
        terraform import once
        terraform state rm
        terraform state mv
        terraform state push
        terraform taint
        terraform untaint
        terragrunt apply
        terragrunt destroy
        terragrunt run-all apply
        pulumi up
        pulumi update
        pulumi destroy
        pulumi refresh
        cdk deploy
        cdk destroy
        cdk bootstrap
        sam deploy --no-execute-changeset
        sls deploy
        sls remove
        serverless deploy
        serverless remove
        eb deploy
        copilot deploy
        copilot svc deploy
        fly deploy --build-only
        flyctl deploy --build-only
        fly scale
        vercel --version --help
        netlify deploy
        wrangler deploy --dry-run
        wrangler publish --dry-run
        wrangler pages deploy
        firebase deploy
        heroku container:release
        heroku container:push
        heroku releases:rollback
        railway up
        surge
        gh-pages
        mkdocs gh-deploy
        mike deploy
        ansible-playbook --check -C --syntax-check --list-tasks --list-hosts
        ansible --check -C
        nomad job run
        nomad run
        argocd app sync --dry-run
        argocd app set
        flux reconcile
        kustomize deploy
        skaffold run
        skaffold deploy
        waypoint up
        kamal deploy
        cap deploy goal
        dep deploy
        cf push
        oc apply --dry-run --dry-run=client --dry-run=server
        oc rollout
        oc start-build
        kubectl apply --dry-run --dry-run=client --dry-run=server
        kubectl create once --dry-run --dry-run=client --dry-run=server
        kubectl delete --dry-run --dry-run=client --dry-run=server
        kubectl replace --dry-run --dry-run=client --dry-run=server
        kubectl patch --dry-run --dry-run=client --dry-run=server
        kubectl set --dry-run --dry-run=client --dry-run=server
        kubectl scale
        kubectl rollout restart
        kubectl rollout undo
        kubectl label --dry-run=client
        kubectl annotate --dry-run=client
        kubectl edit
        kubectl run
        kubectl drain
        kubectl cordon
        helm install once --dry-run --dry-run=client --dry-run=server
        helm upgrade --dry-run --dry-run=client --dry-run=server
        helm uninstall --dry-run
        helm delete --dry-run
        helm rollback --dry-run
        helmfile apply
        helmfile sync
        helmfile destroy
        helm secrets upgrade
        docker stack deploy
        docker service update
    """,
    Family.UPLOAD: """
        rclone copy --dry-run -n
        rclone sync --dry-run -n
        rclone move --dry-run -n
        s3cmd put --dry-run -n
        s3cmd sync --dry-run -n
        s5cmd cp --dry-run
        s5cmd sync --dry-run
        gsutil cp
        gsutil rsync -n
        gsutil rm
        gsutil mv
        gsutil setmeta
        azcopy copy --dry-run
        azcopy sync --dry-run
        mc cp
        mc mirror
        b2 upload-file
        b2 sync --dryRun
        lftp
        ncftpput
        sftp
        ssh -V
        xcrun altool +--upload-app
        xcrun notarytool submit
        butler push --dry-run
    """,
}


def built_in() -> Iterator[CommandRule]:
    """Yield every rule of the table."""
    for family, text in _TABLE.items():
        for line in text.split("\n"):
            if line.strip():
                yield _rule(line.split(), family)


def _rule(parts: list[str], family: Family) -> CommandRule:
    # A word is an option where it begins with a hyphen or with the mark of its kind.
    marked = [part for part in parts if part[0] in "-+="]
    words = [part for part in parts if part not in marked]
    return CommandRule(
        words=tuple(word for word in words if word not in {"once", "goal"}),
        family=family,
        anywhere="goal" in words,
        harmless=frozenset(part for part in marked if part[0] == "-"),
        needs=frozenset(part[1:] for part in marked if part[0] == "+"),
        is_safe="once" not in words,
        safe_with=frozenset(part[1:] for part in marked if part[0] == "="),
    )

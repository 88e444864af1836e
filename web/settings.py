"""Settings, from the environment (``PERTIMAGE_…``) or the command line; secure unless demo mode is asked for by name."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from email.utils import getaddresses
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from pertimage.web.notification_times import Rules, quiet_hours

# Not a secret: it makes the pseudonyms of fictitious people, so that `pertimage demo` and `pertimage serve --demo` agree on them.
DEMO_KEY = "démonstration : données fictives, clé publique"
DEMO_POOLS = "Neuroradiologie; Ostéo-articulaire; Thorax; Abdomen; Sénologie"
# Without a token, calls come from the visitor of the demonstration; its sandbox names the prescriber so.
DEMO_PRACTITIONERS = {("Dr Démo", "Practitioner/essai"): "Dr Démo"}
_ADDRESS = re.compile(r"[^@\s<>,]+@[^@\s<>,]+")
ROLES = ("prescripteur", "radiologue", "equipe-projet", "exploitant", "api")


class UnsafeSettingsError(ValueError):
    """The service refuses to start: what is lacking, in French."""


class Settings(BaseSettings):
    """How this process serves. Sizes in bytes, durations in seconds."""

    model_config = SettingsConfigDict(env_prefix="PERTIMAGE_", extra="ignore")

    demo: bool = Field(False, description="Mode démonstration : données fictives, sans authentification, jamais sur un réseau ouvert.")
    database: str = Field("sqlite:///var/pertimage.db", description="Base : sqlite:///chemin ou postgresql://…")
    base_url: str = Field("http://127.0.0.1:8000", description="Adresse publique du service, pour les liens des cartes.")
    canonical: str = Field("https://pertimage.example/fhir", description="Racine des URI FHIR propres au projet.")
    secret: str = Field("", description="Clé des pseudonymes et des sessions (32 caractères au moins), obligatoire hors démonstration.")
    tokens: str = Field("", description="Jetons d'accès « rôle:nom:jeton » séparés par des virgules, obligatoires hors démonstration.")
    cors_origins: str = Field("", description="Origines autorisées à appeler les services CDS Hooks, séparées par des virgules.")
    max_body: int = Field(4 * 1024 * 1024, description="Taille maximale d'un corps de requête, en octets.")
    fhir_servers: str = Field(
        "",
        description="Adresses de base des serveurs FHIR où chercher ce qu'un appel CDS Hooks n'a pas transmis, séparées par des virgules ; vide : aucune recherche.",
    )
    subscription_hosts: str = Field(
        "",
        description="Adresses de base des logiciels que des abonnements FHIR peuvent prévenir, séparées par des virgules ; vide : aucun abonnement.",
    )
    fetch_budget: float = Field(0.8, description="Temps accordé à cette recherche, en secondes, pour toutes les requêtes ensemble.")
    pools: str = Field(
        "", description="Groupes de second avis (téléexpertise), séparés par des points-virgules : « Neuroradiologie; Abdomen »."
    )
    practitioners: str = Field(
        "",
        description="Qui est le prescripteur qu'un logiciel nomme par une référence : « Dr A=logiciel|Practitioner/12; … », le logiciel étant le nom de son jeton.",
    )
    mails: str = Field(
        "", description="Adresses des prescripteurs pour les courriels : « Dr A <a@exemple.fr>, … », le nom étant celui du compte."
    )
    mail_from: str = Field("pertimage@localhost", description="Expéditeur des courriels.")
    smtp: str = Field(
        "", description="Serveur d'envoi : « smtps://utilisateur:motdepasse@hôte:465 » ; vide : les courriels sont seulement écrits."
    )
    notify_quiet: str = Field("20-7", description="Heures sans courriel, à Paris : « 20-7 », de 20 h à 7 h ; vide : aucune.")
    notify_weekend: bool = Field(False, description="Envoyer aussi des courriels le samedi et le dimanche.")
    notify_urgent: bool = Field(
        True, description="Une question sur une demande urgente part aussitôt, même la nuit, le week-end et pour un résumé du jour."
    )
    notify_digest_hour: int = Field(8, description="Heure du résumé du jour, à Paris (0 à 23).")
    notify_reminder_days: int = Field(3, description="Jours avant l'unique rappel d'une question sans réponse (0 à 30 ; 0 : aucun).")
    mssante_export: bool = Field(False, description="Proposer le dossier à joindre à un message MSSanté, sur la page d'une demande.")
    site: str = Field("site", description="Site des demandes qui n'en portent pas.")
    sites: str = Field(
        "", description="Site de chaque compte : « logiciel=ch-nord; Dr A=cabinet-du-port » ; les autres sont au site de PERTIMAGE_SITE."
    )
    patient_days: int = Field(90, description="Durée de vie de l'adresse de la page du patient, en jours (1 à 730).")

    imports: str = Field(
        "var/imports", description="Dossier des exports en cours d'import par la page : données de santé, détruites à échéance."
    )
    import_hours: int = Field(24, description="Durée de conservation de ces exports et de leurs lignes rejetées, en heures.")
    max_import: int = Field(200 * 1024 * 1024, description="Taille maximale d'un export envoyé par la page, en octets.")

    def checked(self) -> Settings:
        """Return the settings if the service may start with them; raises UnsafeSettingsError."""
        _ = self.fhir_allowed, self.subscription_allowed, self.addresses, self._known_as, self._sites_of
        if not 0 <= self.fetch_budget <= 10:
            raise UnsafeSettingsError("PERTIMAGE_FETCH_BUDGET : un nombre de secondes de 0 à 10 est attendu.")
        if not 1 <= self.patient_days <= 730:
            raise UnsafeSettingsError("PERTIMAGE_PATIENT_DAYS : un nombre de jours de 1 à 730 est attendu.")
        _ = self.notify_rules
        if self.demo:
            return self
        if len(self.secret) < 32:
            raise UnsafeSettingsError(
                "PERTIMAGE_SECRET manque ou est trop court (32 caractères au moins). Pour essayer : pertimage serve --demo."
            )
        if not self.accounts:
            raise UnsafeSettingsError(
                "PERTIMAGE_TOKENS manque : sans jeton d'accès, le service ne démarre pas. Pour essayer : pertimage serve --demo."
            )
        return self

    @cached_property
    def accounts(self) -> dict[str, tuple[str, str]]:
        """Return the accounts by token: (role, name)."""
        found: dict[str, tuple[str, str]] = {}
        for entry in filter(None, (part.strip() for part in self.tokens.split(","))):
            role, _, rest = entry.partition(":")
            name, _, token = rest.partition(":")
            if role not in ROLES or len(token) < 24:
                raise UnsafeSettingsError(
                    f"PERTIMAGE_TOKENS : « rôle:nom:jeton » attendu, rôle parmi {', '.join(ROLES)}, jeton de 24 caractères au moins."
                )
            found[token] = (role, name)
        return found

    @cached_property
    def addresses(self) -> tuple[tuple[str, str], ...]:
        """Return the names of prescribers and their mail addresses; raises UnsafeSettingsError."""
        found = tuple(getaddresses([self.mails])) if self.mails.strip() else ()
        if any(not name or not _ADDRESS.fullmatch(address) for name, address in found):
            raise UnsafeSettingsError("PERTIMAGE_MAILS : « Nom du compte <adresse@exemple.fr> » attendu, séparés par des virgules.")
        return found

    def site_of(self, account: str) -> str:
        """Return the site of an account."""
        return self._sites_of.get(account, self.site)

    @cached_property
    def _sites_of(self) -> dict[str, str]:
        """Return the sites by account; raises UnsafeSettingsError."""
        found = {}
        for entry in filter(None, (part.strip() for part in self.sites.split(";"))):
            name, _, site = (part.strip() for part in entry.partition("="))
            if not name or not site:
                raise UnsafeSettingsError("PERTIMAGE_SITES : « compte=site » attendu, séparés par des points-virgules.")
            found[name] = site
        return found

    def practitioner(self, account: str, reference: str) -> str:
        """Return the account of the person whom a program names by a reference; empty when the settings do not say."""
        return self._known_as.get((account, reference), "")

    @cached_property
    def _known_as(self) -> dict[tuple[str, str], str]:
        """Return the accounts of persons by program and reference; raises UnsafeSettingsError."""
        found = dict(DEMO_PRACTITIONERS) if self.demo else {}
        for entry in filter(None, (part.strip() for part in self.practitioners.split(";"))):
            name, _, known = entry.partition("=")
            account, _, reference = known.partition("|")
            if not name.strip() or not account.strip() or not reference.strip():
                raise UnsafeSettingsError(
                    "PERTIMAGE_PRACTITIONERS : « Nom du compte=logiciel|Practitioner/12 » attendu, séparés par des points-virgules."
                )
            found[account.strip(), reference.strip()] = name.strip()
        return found

    @cached_property
    def notify_rules(self) -> Rules:
        """Return when notifications may leave; raises UnsafeSettingsError."""
        quiet = quiet_hours(self.notify_quiet)
        if quiet is None:
            raise UnsafeSettingsError("PERTIMAGE_NOTIFY_QUIET : deux heures de 0 à 23, par exemple « 20-7 », ou rien.")
        if not 0 <= self.notify_digest_hour <= 23 or self.notify_digest_hour in quiet:
            raise UnsafeSettingsError("PERTIMAGE_NOTIFY_DIGEST_HOUR : une heure de 0 à 23, hors de PERTIMAGE_NOTIFY_QUIET, est attendue.")
        if not 0 <= self.notify_reminder_days <= 30:
            raise UnsafeSettingsError("PERTIMAGE_NOTIFY_REMINDER_DAYS : un nombre de jours de 0 à 30 est attendu.")
        days = self.notify_reminder_days
        return Rules(
            quiet, weekend=self.notify_weekend, urgent=self.notify_urgent, digest_hour=self.notify_digest_hour,
            reminder=timedelta(days=days) if days else None,
        )  # fmt: skip

    @cached_property
    def pool_names(self) -> tuple[str, ...]:
        """Return the groups of radiologists of whom a second opinion may be asked, in their order."""
        given = self.pools or (DEMO_POOLS if self.demo else "")
        return tuple(dict.fromkeys(name.strip()[:60] for name in given.split(";") if name.strip()))

    @cached_property
    def fhir_allowed(self) -> frozenset[str]:
        """Return the base addresses of the FHIR servers that may be asked, without a final slash; raises UnsafeSettingsError."""
        return self._bases(self.fhir_servers, "PERTIMAGE_FHIR_SERVERS")

    @cached_property
    def subscription_allowed(self) -> frozenset[str]:
        """Return the base addresses that notifications may go to, without a final slash; raises UnsafeSettingsError."""
        return self._bases(self.subscription_hosts, "PERTIMAGE_SUBSCRIPTION_HOSTS")

    def _bases(self, given: str, name: str) -> frozenset[str]:
        found = frozenset(address.strip().rstrip("/") for address in given.split(",") if address.strip())
        for address in found:
            parts = urlsplit(address)
            scheme = parts.scheme == "https" or (self.demo and parts.scheme == "http")
            if not scheme or not parts.hostname or parts.username or parts.query or parts.fragment or ".." in parts.path:
                raise UnsafeSettingsError(
                    f"{name} : « {address[:60]} » n'est pas une adresse de base https:// (http:// n'est admis qu'en démonstration)."
                )
        return found

    @cached_property
    def key(self) -> str:
        """Return the secret; without one, the public key of the demonstration, or outside of it a key made for this process."""
        return self.secret or (DEMO_KEY if self.demo else secrets.token_hex(32))

    @property
    def database_url(self) -> str:
        """Return the database's URL, a bare path read as SQLite."""
        return self.database if "://" in self.database else f"sqlite:///{self.database}"

    def prepare(self) -> None:
        """Create the folder of a SQLite database."""
        if self.database_url.startswith("sqlite:///"):
            Path(self.database_url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)

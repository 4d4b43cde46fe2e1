"""What sign-in routes are asked and what they answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_LONGEST_TOKEN = 512


def _normalized(value: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None


Email = Annotated[str, Field(max_length=254, examples=["ada@example.com"]), AfterValidator(_normalized)]
# Longer than any password that is taken, so that its own message says so; short enough to hash.
Password = Annotated[str, Field(min_length=1, max_length=1_024, examples=["correct horse battery staple"])]
Token = Annotated[str, Field(min_length=1, max_length=_LONGEST_TOKEN)]
Code = Annotated[
    str,
    Field(min_length=1, max_length=64, description="Six digits of the app, or a recovery code.", examples=["123456"]),
]


class _Body(BaseModel):
    """A request: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")


class Registration(_Body):
    """A new account."""

    email: Email
    password: Password


class AddressOnly(_Body):
    """An address a mail is asked for."""

    email: Email


class MailedToken(_Body):
    """A token from a mail."""

    token: Token


class SignInRequest(_Body):
    """A password shown."""

    email: Email
    password: Password
    cookies: bool = Field(
        default=False, description="For browsers: the tokens come as cookies that no script can read."
    )


class SecondFactorRequest(_Body):
    """A second factor shown."""

    challenge: Token
    code: Code
    cookies: bool = False


class RefreshRequest(_Body):
    """A refresh token; a browser leaves it out, its cookie is the token."""

    refresh_token: Token | None = None


class PasswordReset(_Body):
    """A new password by a mailed token."""

    token: Token
    new_password: Password


class PasswordChange(_Body):
    """A new password by the old one."""

    current_password: Password
    new_password: Password


class PasswordOnly(_Body):
    """A password shown again before something that must not happen by somebody else's hand."""

    password: Password


class PasswordAndCode(_Body):
    """Password and second factor shown again."""

    password: Password
    code: Code


class CodeOnly(_Body):
    """A code of the app that is being set up."""

    code: Code


class Accepted(BaseModel):
    """The same answer whether or not there is such an account."""

    detail: str = Field(examples=["if the address can be written to, a mail is on its way"])


class SignedIn(BaseModel):
    """A session. With cookies the tokens are not in the body, and ``csrf_token`` is."""

    second_factor_required: bool = Field(default=False, examples=[False])
    session_id: str
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int = Field(description="Seconds the access token is good.", examples=[600])
    refresh_expires_at: datetime = Field(description="The session ends if it is not refreshed until then.")
    access_token: str | None = None
    refresh_token: str | None = Field(default=None, description="Good once; its use gives the next one.")
    csrf_token: str | None = Field(default=None, description="A page sends it as X-CSRF-Token with every write.")


class SecondFactorRequired(BaseModel):
    """The password was right; a code has to follow."""

    second_factor_required: bool = Field(default=True, examples=[True])
    challenge: str
    expires_in: int = Field(description="Seconds to show the code.", examples=[300])


class CsrfToken(BaseModel):
    """What a page sends as X-CSRF-Token."""

    csrf_token: str


class SecondFactorStatus(BaseModel):
    """Whether a second factor is asked for."""

    enabled: bool
    recovery_codes_left: int


class SecondFactorBegun(BaseModel):
    """What an authenticator app is set up with; shown once."""

    secret: str = Field(examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"])
    uri: str = Field(examples=["otpauth://totp/Crypto%20Analytics%20Platform:ada%40example.com?secret=JBSWY3DP"])
    qr_svg: str = Field(description="The uri as a picture.")


class RecoveryCodes(BaseModel):
    """Codes that stand in for the app, each once; shown once."""

    recovery_codes: list[str] = Field(examples=[["ABCDEF-GHIJKL-MNOPQR-STUVWX"]])

# SPDX-License-Identifier: Apache-2.0
# AWS STS as far as the tests need it: AssumeRole, whose signature is judged as
# that of KMS is, and AssumeRoleWithWebIdentity, which has none.  botocore's
# description of the service says what a form may be.  A part of
# aws_lookalike.py.  In its directory:
#
#   web-token    the token that is good
#   sts-faults   read: codes, one for each request to come

from time import gmtime, strftime
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import botocore.session
from botocore.validate import ParamValidator

from lookalike import Refused, Reply

ACCOUNT = "111122223333"
ROLES = {   # and the external id that it wants
    f"arn:aws:iam::{ACCOUNT}:role/restore": None,
    f"arn:aws:iam::{ACCOUNT}:role/partner": "order/66",
}
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
FORM = "application/x-www-form-urlencoded"


def xml(name, value):
    """Elements, from dictionaries; the text of them has every entity in it."""
    if isinstance(value, dict):
        value = "".join(xml(*item) for item in value.items())
    else:
        value = escape(value, {'"': "&quot;", "'": "&apos;"})
    return f"<{name}>{value}</{name}>"


class Sts:
    """Wants authenticate(), add_user(), read(), write() and now() of Aws."""

    def __init__(self, token):
        self.model = botocore.session.get_session().get_service_model("sts")
        self.token = token

    @staticmethod
    def is_for(request):
        return (request.header("Content-Type") or "").startswith(FORM)

    def answer(self, aws, request, request_id="5716-sts"):
        document = {"ResponseMetadata": {"RequestId": request_id}}
        status = 200
        try:
            action, wanted = self.parameters(request)
            user = self.judge(aws, request, action, wanted)
            document = {f"{action}Result": {"Credentials": {
                "AccessKeyId": user.id, "SecretAccessKey": user.secret,
                "SessionToken": user.token,
                "Expiration": strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(
                    aws.now() + wanted.get("DurationSeconds", 3600)))}},
                **document}
            name = f"{action}Response"
        except Refused as refused:
            request.log["sts"] = refused.code
            name, status = "ErrorResponse", refused.status
            document = {"Error": {"Type": "Sender", "Code": refused.code,
                                  "Message": refused.text},
                        "RequestId": request_id}
        text = xml(name, document).replace(
            f"<{name}>", f'<{name} xmlns="{NAMESPACE}">', 1)
        return Reply(status, text.encode(), {"Content-Type": "text/xml"})

    def parameters(self, request):
        """The action, and the form as botocore's own checks let it pass."""
        pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True,
                          strict_parsing=True)
        wanted = dict(pairs)
        if (len(wanted) != len(pairs) or request.method != "POST"
                or request.path != "/" or wanted.pop("Version") != "2011-06-15"):
            raise Refused("ValidationError", "a form to POST / please")
        action = wanted.pop("Action")
        request.log.update(operation=action, parameters={
            name: value for name, value in wanted.items()
            if name != "WebIdentityToken"})
        if action not in ("AssumeRole", "AssumeRoleWithWebIdentity"):
            raise Refused("InvalidAction", action)
        shape = self.model.operation_model(action).input_shape
        if set(wanted) - set(shape.members):
            raise Refused("ValidationError", "unknown members")
        if "DurationSeconds" in wanted:
            wanted["DurationSeconds"] = int(wanted["DurationSeconds"])
        report = ParamValidator().validate(wanted, shape)
        if report.has_errors():
            raise Refused("ValidationError", report.generate_report())
        return action, wanted

    def judge(self, aws, request, action, wanted):
        """The role's credentials."""
        words = aws.read("sts-faults").split()
        if words:
            aws.write("sts-faults", " ".join(words[1:]))
            raise Refused(words[0], f"{words[0]} <was> asked & \"given\"")
        role = wanted["RoleArn"]
        if action == "AssumeRole":
            user, _ = aws.authenticate(request, "sts")
            if not user.allowed or wanted.get("ExternalId") != ROLES.get(role, 0):
                raise Refused("AccessDenied", f"User: {user.profile} is not "
                              f"authorized to perform: sts:AssumeRole on "
                              f"resource: {role}", 403)
        elif request.every("Authorization") or request.every("X-Amz-Date"):
            raise Refused("ValidationError", "this is not signed")
        elif wanted["WebIdentityToken"] != self.token:
            raise Refused("InvalidIdentityToken", "Couldn't retrieve "
                          "verification key from your identity provider")
        elif ROLES.get(role, 0) is not None:
            raise Refused("AccessDenied", "Not authorized to perform "
                          "sts:AssumeRoleWithWebIdentity", 403)
        return aws.add_user()
